package gerbil.corpus;

import gerbil.base.Sha256;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;

/** Sorts items by a hash of the seed and their ids: a shuffle that is the same on every machine and Java version. */
final class SeededOrder {

    private SeededOrder() {
    }

    private record Keyed<T>(long key, String id, T item) {
    }

    static <T> List<T> of(Collection<T> items, Function<T, String> id, long seed) {
        return items.stream()
                .map(item -> new Keyed<>(key(seed, id.apply(item)), id.apply(item), item))
                .sorted(Comparator.<Keyed<T>>comparingLong(Keyed::key).thenComparing(Keyed::id))
                .map(Keyed::item)
                .toList();
    }

    private static long key(long seed, String id) {
        byte[] name = id.getBytes(StandardCharsets.UTF_8);
        ByteBuffer seeded = ByteBuffer.allocate(Long.BYTES + name.length).putLong(seed).put(name);
        return ByteBuffer.wrap(Sha256.digest(seeded.array())).getLong();
    }
}
