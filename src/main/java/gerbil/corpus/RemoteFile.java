package gerbil.corpus;

import java.net.URI;
import java.util.Optional;

/**
 * A file behind an address.
 *
 * @param name what it is kept as: a path with slashes, unique within its corpus
 * @param sha256 hexadecimal, lower case, where it is known
 */
record RemoteFile(String name, URI uri, Optional<String> sha256) {
}
