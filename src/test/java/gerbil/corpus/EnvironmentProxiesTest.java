package gerbil.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import gerbil.base.GerbilException;
import gerbil.base.Progress;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** With a proxy that answers every address itself, and a server that must not be asked. */
class EnvironmentProxiesTest {

    @TempDir
    Path temp;
    private HttpServer server;
    private ServerSocket proxy;
    /** The head of each request. */
    private final BlockingQueue<String> asked = new LinkedBlockingQueue<>();

    @BeforeEach
    void serve() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, 6);
            exchange.getResponseBody().write("direct".getBytes(StandardCharsets.UTF_8));
            exchange.close();
        });
        server.start();
        proxy = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread thread = new Thread(this::answer, "proxy");
        thread.setDaemon(true);
        thread.start();
    }

    @AfterEach
    void stop() throws IOException {
        server.stop(0);
        proxy.close();
    }

    private void answer() {
        while (!proxy.isClosed()) {
            try (Socket socket = proxy.accept(); BufferedReader in = new BufferedReader(
                    new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1))) {
                StringBuilder head = new StringBuilder();
                for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
                    head.append(line).append('\n');
                }
                asked.add(head.toString());
                String answer = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nproxied";
                socket.getOutputStream().write(answer.getBytes(StandardCharsets.ISO_8859_1));
            } catch (IOException e) {
                // the next one, unless the test is over
            }
        }
    }

    private String fetched(Map<String, String> environment) throws Exception {
        Path folder = Files.createTempDirectory(temp, "got");
        URI uri = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/a.txt");
        new Download(new Web(environment, Web.Patience.DEFAULT, Progress.NONE),
                new RemoteFile("a.txt", uri, Optional.empty()), folder).run();
        return Files.readString(folder.resolve("a.txt"));
    }

    private String address(String user) {
        return "http://" + user + "127.0.0.1:" + proxy.getLocalPort();
    }

    @Test
    void downloadsGoThroughTheProxyUnlessTheHostIsExempt() throws Exception {
        assertEquals("direct", fetched(Map.of()));
        assertEquals("direct", fetched(Map.of("https_proxy", address(""))));
        assertEquals("proxied", fetched(Map.of("http_proxy", address("") + "/")));
        assertTrue(asked.remove().startsWith("GET http://127.0.0.1:" + server.getAddress().getPort() + "/a.txt "));
        assertEquals("proxied", fetched(Map.of("HTTP_PROXY", "127.0.0.1:" + proxy.getLocalPort())));
        assertEquals("direct", fetched(Map.of("http_proxy", address(""), "no_proxy", "localhost, 127.0.0.1")));
        assertEquals("direct", fetched(Map.of("ALL_PROXY", address(""), "NO_PROXY", "*")));
        assertEquals("direct", fetched(Map.of("http_proxy", "")));
    }

    @Test
    void aPasswordIsTold() throws Exception {
        assertEquals("proxied", fetched(Map.of("http_proxy", address("me:se%40cret@"))));
        String head = asked.remove();
        assertTrue(head.contains("Proxy-Authorization: Basic bWU6c2VAY3JldA=="), head);
    }

    /** The process's own environment, and a tunnel for https, which a password opens. */
    @Test
    void theCommandTunnelsThroughTheProxyOfItsEnvironment() throws Exception {
        Path list = Files.writeString(temp.resolve("a.urls"), "https://files.invalid/a.jsonl\n");
        ProcessBuilder builder = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp", System.getProperty("java.class.path"), "gerbil.cli.Gerbil", "prepare", "--corpus",
                list.toString(), "--out", temp.resolve("out").toString());
        builder.environment().keySet().removeIf(name -> name.toLowerCase(Locale.ROOT).endsWith("_proxy"));
        builder.environment().put("https_proxy", address("me:secret@"));
        Process process = builder.directory(temp.toFile()).redirectErrorStream(true)
                .redirectOutput(temp.resolve("printed").toFile()).start();
        try {
            String head = asked.poll(60, TimeUnit.SECONDS);
            assertTrue(head != null && head.startsWith("CONNECT files.invalid:443 ")
                    && head.contains("Proxy-Authorization: Basic bWU6c2VjcmV0"), head);
            for (int i = 0; i < 300 && !Files.readString(temp.resolve("printed")).contains("waiting for"); i++) {
                Thread.sleep(100);
            }
            String printed = Files.readString(temp.resolve("printed"));
            assertTrue(printed.contains("waiting for files.invalid ("), printed);
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "https://host/a          | host               | DIRECT",
        "https://a.host/a        | host               | DIRECT",
        "https://a.host/a        | .host              | DIRECT",
        "https://a.host/a        | *.host             | DIRECT",
        "https://A.Host/a        | x,a.hOST           | DIRECT",
        "https://ahost/a         | host               | HTTP",
        "https://host.a/a        | host               | HTTP",
        "https://host/a          | host:443           | DIRECT",
        "https://host/a          | host:8443          | HTTP",
        "https://host/a          | ,                  | HTTP"})
    void hostsAreExemptAsCurlReadsIt(URI uri, String exempt, Proxy.Type expected) {
        assertEquals(expected, new EnvironmentProxies(Map.of("https_proxy", "proxy:3128", "no_proxy", exempt))
                .select(uri).get(0).type());
    }

    @Test
    void whatIsNoProxyIsRefusedWithoutItsPassword() {
        for (String bad : List.of("socks5://me:secret@h:1", "http://me:secret@", "http://me:secret@h h", "https://h")) {
            String message = assertThrows(GerbilException.class,
                    () -> new EnvironmentProxies(Map.of("https_proxy", bad))).getMessage();
            assertTrue(message.contains("https_proxy") && message.contains("http://host:port"), message);
            assertFalse(message.contains("secret"), message);
        }
    }
}
