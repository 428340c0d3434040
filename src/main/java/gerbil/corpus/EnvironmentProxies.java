package gerbil.corpus;

import gerbil.base.GerbilException;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The proxies that {@code https_proxy}, {@code http_proxy}, {@code all_proxy} and {@code no_proxy} name, in small
 * letters or capitals, as curl and Python read them; Java does not. Without them, those of Java's own properties.
 */
final class EnvironmentProxies extends ProxySelector {

    private final Map<String, String> environment;

    /**
     * @throws GerbilException if one of them is no address of an HTTP proxy
     */
    EnvironmentProxies(Map<String, String> environment) {
        this.environment = environment;
        Stream.of("http", "https").forEach(this::proxy);
    }

    private Optional<String> variable(String name) {
        return Stream.of(name, name.toUpperCase(Locale.ROOT)).map(environment::get).filter(Objects::nonNull)
                .map(String::strip).filter(value -> !value.isEmpty()).findFirst();
    }

    private Optional<URI> proxy(String scheme) {
        String name = scheme + "_proxy";
        return variable(name).or(() -> variable("all_proxy")).map(value -> {
            try {
                URI uri = URI.create(value.contains("://") ? value : "http://" + value);
                if ("http".equals(uri.getScheme()) && uri.getHost() != null) {
                    return uri;
                }
            } catch (IllegalArgumentException e) {
                // told below, without the password that it may hold
            }
            throw new GerbilException("a proxy in " + name + " or all_proxy that cannot be used",
                    "http://host:port, perhaps with user:password@ before the host", "set it that way, or unset it");
        });
    }

    @Override
    public List<Proxy> select(URI uri) {
        Optional<URI> proxy = proxy(uri.getScheme());
        if (proxy.isEmpty()) {
            return ProxySelector.getDefault().select(uri);
        }
        return List.of(isExempt(uri) ? Proxy.NO_PROXY : new Proxy(Proxy.Type.HTTP, InetSocketAddress.createUnresolved(
                proxy.get().getHost(), port(proxy.get()))));
    }

    private static int port(URI proxy) {
        return proxy.getPort() < 0 ? 80 : proxy.getPort();
    }

    private boolean isExempt(URI uri) {
        String host = uri.getHost().toLowerCase(Locale.ROOT);
        int port = uri.getPort() >= 0 ? uri.getPort() : uri.getScheme().equals("https") ? 443 : 80;
        return Arrays.stream(variable("no_proxy").orElse("").toLowerCase(Locale.ROOT).split("[\\s,]+"))
                .map(name -> name.replaceFirst("^\\*?\\.", "").replaceFirst(":" + port + "$", ""))
                .filter(name -> !name.isEmpty())
                .anyMatch(name -> name.equals("*") || name.equals(host) || host.endsWith("." + name));
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException e) {
        // whoever asked is told by the same exception
    }

    /** What a proxy is told whose address holds a name and a password: the header Proxy-Authorization. */
    Optional<String> authorization(URI uri) {
        return proxy(uri.getScheme()).map(URI::getUserInfo)
                .map(user -> "Basic " + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8)));
    }
}
