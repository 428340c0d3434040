package gerbil.corpus;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.base.DiskFull;
import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Json;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A data set of the Hugging Face hub, {@code hf:OWNER/NAME[:FOLDER][@REVISION]}: its files that {@link TextFolder}
 * reads as many documents, those below a folder if one is named. Where some of their paths say train, only those are
 * taken; otherwise all that do not say validation or test. The list is asked for once and kept, so that the revision
 * stays the same.
 */
final class HubDataset {

    /** How the name of one begins. */
    static final String PREFIX = "hf:";

    private static final String KEPT = "files.json";
    private static final Pattern NAME =
            Pattern.compile(PREFIX + "([\\w.-]+/[\\w.-]+)(?::([^@]*[^@/])/*)?(?:@(\\S+))?");
    private static final Pattern TRAIN = word("train|training");
    private static final Pattern OTHER = word("validation|valid|val|dev|test|testing|eval|evaluation");
    private static final Pattern NEXT = Pattern.compile("<[^>]*\\?([^>]+)>\\s*;\\s*rel=\"?next\"?");
    private static final int LARGEST_PAGE = 1 << 26;
    private static final int NAMES_SHOWN = 20;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Web web;
    private final String name;
    private final String repository;
    private final Optional<String> folder;
    private final Optional<String> revision;

    /** What is kept: the data set as it was named, the commit that was its revision, the files that were chosen. */
    private record Listing(String dataset, String revision, List<Entry> files) {
    }

    private record Entry(String path, String sha256) {
    }

    private HubDataset(Web web, Matcher name) {
        this.web = web;
        this.name = name.group();
        repository = name.group(1);
        folder = Optional.ofNullable(name.group(2));
        revision = Optional.ofNullable(name.group(3));
    }

    /**
     * @param downloads where the list and the files are kept
     * @throws GerbilException if there is no such data set or folder, it may not be read, it has no such files, or the
     *     hub cannot be understood
     */
    static RemoteFiles open(String name, Path downloads, Web web) {
        Matcher matcher = NAME.matcher(name);
        if (!matcher.matches()) {
            throw new GerbilException("data set '" + name + "'", "hf:OWNER/NAME, perhaps with :FOLDER and @REVISION",
                    "write it that way");
        }
        return new HubDataset(web, matcher).open(downloads);
    }

    private static Pattern word(String words) {
        return Pattern.compile("(?<![a-z])(" + words + ")(?![a-z])");
    }

    private RemoteFiles open(Path downloads) {
        try {
            Listing listing = kept(downloads);
            List<RemoteFile> files = listing.files().stream().map(entry -> file(listing.revision(), entry)).toList();
            return RemoteFiles.of(PREFIX + repository + folder.map(f -> ":" + f).orElse("") + "@" + listing.revision(),
                    files, downloads, web);
        } catch (Web.Refused e) {
            throw refusal(e);
        } catch (IOException e) {
            throw DiskFull.explain(e, downloads.toAbsolutePath(), "nothing", "the list of files");
        } catch (InterruptedException e) {
            throw RemoteFiles.interrupted(e);
        }
    }

    private Listing kept(Path downloads) throws IOException, InterruptedException {
        Path file = downloads.resolve(KEPT);
        if (Files.exists(file)) {
            Listing listing = Json.read(file, Listing.class);
            if (!listing.dataset().equals(name)) {
                throw new GerbilException("files of " + listing.dataset() + " in " + downloads, "those of " + name,
                        "keep them in another folder");
            }
            return listing;
        }
        String at = revision.map(r -> "/revision/" + URLEncoder.encode(r, StandardCharsets.UTF_8)).orElse("");
        Page info = ask(api() + at);
        String pinned = info.content().path("sha").asText();
        if (!pinned.matches("[0-9a-f]{40,64}")) {
            throw notUnderstood(info.uri(), "no revision in it");
        }
        Listing listing = new Listing(name, pinned, chosen(entries(pinned)));
        Folders.create(downloads);
        Json.write(file, listing);
        return listing;
    }

    private String api() {
        return web.hub() + "/api/datasets/" + repository;
    }

    private RemoteFile file(String pinned, Entry entry) {
        try {
            String path = new URI(null, null, "/" + entry.path(), null).toASCIIString();
            return new RemoteFile(entry.path(), URI.create(web.hub() + "/datasets/" + repository + "/resolve/" + pinned
                    + path), Optional.ofNullable(entry.sha256()));
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private List<Entry> entries(String pinned) throws IOException, InterruptedException {
        String tree = api() + "/tree/" + pinned + "?";
        List<Entry> entries = new ArrayList<>();
        Set<String> asked = new HashSet<>();
        Optional<String> query = Optional.of("recursive=true");
        while (query.isPresent()) {
            Page page = ask(tree + query.get());
            if (!page.content().isArray() || !asked.add(query.get())) {
                throw notUnderstood(page.uri(), "no list of files, or one that goes round");
            }
            for (JsonNode node : page.content()) {
                if (node.path("type").asText().equals("file")) {
                    entries.add(entry(page.uri(), node));
                }
            }
            // asked of the same host and path: a mirror may pass on the address of another host
            query = page.next();
        }
        return entries;
    }

    private Entry entry(URI page, JsonNode node) {
        String path = node.path("path").asText();
        String sha256 = node.path("lfs").path("oid").asText(null);
        boolean leavesTheFolder = Arrays.stream(path.split("/", -1))
                .anyMatch(part -> part.isBlank() || part.equals(".") || part.equals(".."));
        if (leavesTheFolder || path.contains("\\") || path.chars().anyMatch(Character::isISOControl)
                || sha256 != null && !sha256.matches("[0-9a-f]{64}")) {
            throw notUnderstood(page, "file '" + path + "' of SHA-256 " + sha256);
        }
        return new Entry(path, sha256);
    }

    private List<Entry> chosen(List<Entry> all) {
        List<Entry> texts = all.stream().filter(entry -> RecordFile.of(Path.of(entry.path()), entry.path()).isPresent())
                .toList();
        if (texts.isEmpty()) {
            throw new GerbilException("no file of texts in " + name + " (" + endings(all) + ")",
                    "files .parquet, .jsonl, .jsonl.gz or .jsonl.zst", "choose another set, or try " + PREFIX
                    + repository + "@refs/convert/parquet, where the hub keeps many sets as parquet");
        }
        String below = folder.map(f -> f + "/").orElse("");
        List<Entry> inside = texts.stream().filter(entry -> entry.path().startsWith(below)).toList();
        if (inside.isEmpty()) {
            throw new GerbilException("no folder '" + folder.orElseThrow() + "' with texts in " + PREFIX + repository,
                    "one of " + folders(texts), "name one of these, or none for all");
        }
        Function<Entry, String> rest = entry -> entry.path().substring(below.length()).toLowerCase(Locale.ROOT);
        List<Entry> train = only(inside, entry -> TRAIN.matcher(rest.apply(entry)).find());
        List<Entry> chosen = train.isEmpty() ? only(inside, entry -> !OTHER.matcher(rest.apply(entry)).find()) : train;
        if (chosen.isEmpty()) {
            throw new GerbilException("only files for validation and test in " + name, "files to train on",
                    "name one of its folders after a colon, if these are meant: " + folders(inside));
        }
        return chosen;
    }

    private static List<Entry> only(List<Entry> entries, Predicate<Entry> condition) {
        return entries.stream().filter(condition).toList();
    }

    private static String endings(List<Entry> entries) {
        return entries.isEmpty() ? "it is empty" : entries.stream().map(Entry::path)
                .map(path -> path.substring(path.lastIndexOf('/') + 1))
                .map(file -> file.contains(".") ? file.substring(file.lastIndexOf('.')) : "without ending")
                .collect(Collectors.groupingBy(e -> e, TreeMap::new, Collectors.counting())).entrySet().stream()
                .limit(NAMES_SHOWN).map(e -> e.getValue() + " " + e.getKey()).collect(Collectors.joining(", "));
    }

    private static String folders(List<Entry> entries) {
        Set<String> folders = entries.stream().map(Entry::path).filter(path -> path.contains("/"))
                .map(path -> path.substring(0, path.lastIndexOf('/'))).collect(Collectors.toCollection(TreeSet::new));
        return folders.stream().limit(NAMES_SHOWN).toList()
                + (folders.size() > NAMES_SHOWN ? " and " + (folders.size() - NAMES_SHOWN) + " more" : "");
    }

    private record Page(URI uri, JsonNode content, Optional<String> next) {
    }

    private Page ask(String address) throws IOException, InterruptedException {
        URI uri;
        try {
            uri = URI.create(address);
        } catch (IllegalArgumentException e) {
            throw notUnderstood(web.hub(), "a next page " + address);
        }
        return web.ask(uri, new Web.Exchange<>() {

            @Override
            public String what() {
                return "the list of " + repository;
            }

            @Override
            public Page take(HttpResponse<?> response, InputStream body) throws IOException {
                byte[] content = body.readNBytes(LARGEST_PAGE);
                try {
                    Matcher next = NEXT.matcher(response.headers().firstValue("Link").orElse(""));
                    return new Page(uri, JSON.readTree(content),
                            next.find() ? Optional.of(next.group(1)) : Optional.empty());
                } catch (JsonProcessingException e) {
                    throw notUnderstood(uri, "it begins '" + new String(content, 0, Math.min(content.length, 40),
                            StandardCharsets.UTF_8).replaceAll("\\s+", " ") + "'");
                }
            }
        });
    }

    private static GerbilException notUnderstood(URI uri, String why) {
        return new GerbilException("an answer of " + uri + " that is not the hub's (" + why + ")",
                "JSON, as the Hugging Face hub gives it", "check HF_ENDPOINT, and whether a proxy or a log-in page "
                + "answers in its place");
    }

    private GerbilException refusal(Web.Refused e) {
        if (e.isGated()) {
            return new GerbilException(name + " cannot be read (" + e.getMessage() + ")",
                    "a data set that is public, or that your token opens", Web.OPEN_THE_GATE, e);
        }
        if (e.status() == 404) {
            return new GerbilException("no " + name + " on " + web.hub() + " (" + e.getMessage() + ")", "a data set",
                    "check its owner, name and revision", e);
        }
        return new GerbilException(web.hub() + " does not list " + name + " (" + e.getMessage() + ")", "its files",
                "check the network, then run this again", e);
    }
}
