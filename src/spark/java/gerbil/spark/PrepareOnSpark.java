package gerbil.spark;

import gerbil.base.GerbilException;
import gerbil.corpus.Deduplication;
import gerbil.tokens.DistributedPreparation;
import gerbil.tokens.DistributedPreparation.Encoded;
import gerbil.tokens.DistributedPreparation.Selected;
import gerbil.tokens.TokenSetManifest.Shard;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.storage.StorageLevel;
import scala.Tuple2;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;

/**
 * Prepares token sets on a cluster, the same as one machine prepares, byte for byte. {@code mvn -Pspark -DskipTests
 * package} makes {@code target/spark}; then
 *
 * <pre>
 * spark-submit --class gerbil.spark.PrepareOnSpark --jars "$(ls target/spark/lib/*.jar | paste -sd,)" \
 *     target/spark/gerbil-0.1.0.jar /shared/pile /shared/tokens 50257 9223372036854775807 250000 0 near
 * </pre>
 *
 * It writes no report, and a bad file ends it.
 */
public final class PrepareOnSpark {

    private static final int BAD_DOCUMENTS = 1_000;

    private PrepareOnSpark() {
    }

    /**
     * Arguments: corpus (a folder or file), new folder, vocabulary entries, training tokens, held-out tokens, seed, and
     * none, exact or near. Paths are on a file system that every worker sees. The master is spark-submit's to choose,
     * or this machine.
     */
    public static void main(String... arguments) {
        if (arguments.length != 7) {
            throw new GerbilException(arguments.length + " arguments", "a corpus, a new folder, vocabulary entries, "
                    + "training tokens, held-out tokens, a seed, and none, exact or near", "give these seven");
        }
        SparkConf conf = new SparkConf().setAppName("gerbil prepare").setIfMissing("spark.master", "local[*]");
        try (JavaSparkContext spark = new JavaSparkContext(conf)) {
            prepare(spark, new DistributedPreparation(arguments[0], arguments[1], Integer.parseInt(arguments[2]),
                    Long.parseLong(arguments[3]), Long.parseLong(arguments[4]), Long.parseLong(arguments[5]),
                    Deduplication.of(arguments[6]), BAD_DOCUMENTS), 4 * spark.defaultParallelism());
        }
    }

    /**
     * @param parts that the corpus's slices are divided into
     */
    static void prepare(JavaSparkContext spark, DistributedPreparation preparation, int parts) {
        JavaRDD<Encoded> documents = spark.parallelize(IntStream.range(0, parts).boxed().toList(), parts)
                .flatMap(part -> preparation.encode(part, parts).iterator())
                .persist(StorageLevel.DISK_ONLY());
        JavaPairRDD<Integer, Set<Integer>> duplicates = duplicates(documents);
        JavaPairRDD<Integer, Tuple2<List<Encoded>, Set<Integer>>> slices = documents
                .mapToPair(d -> new Tuple2<>(d.slice(), d)).groupByKey().mapValues(PrepareOnSpark::inOrder)
                .leftOuterJoin(duplicates).mapValues(s -> new Tuple2<>(s._1(), s._2().orElse(Set.of())))
                .persist(StorageLevel.DISK_ONLY());
        List<Selected> could = sorted(slices.map(s -> DistributedPreparation.count(s._1(), s._2()._1().stream()
                .filter(d -> !s._2()._2().contains(d.index())).toList())).collect());
        Map<Integer, long[]> before = before(could);
        List<Selected> selected = sorted(slices.map(s -> preparation.select(s._1(), s._2()._1(), s._2()._2(),
                before.get(s._1())[0], before.get(s._1())[1])).collect());
        preparation.finish(selected, shards(spark, preparation, selected, false),
                shards(spark, preparation, selected, true));
    }

    /** Each slice's documents that are duplicates, by their indices. */
    private static JavaPairRDD<Integer, Set<Integer>> duplicates(JavaRDD<Encoded> documents) {
        JavaPairRDD<Long, Tuple2<Integer, Encoded>> byKey = documents.flatMapToPair(d ->
                IntStream.range(0, d.keys().length)
                        .mapToObj(i -> new Tuple2<>(d.keys()[i], new Tuple2<>(i, d))).iterator());
        JavaPairRDD<Long, Encoded> first = byKey.mapValues(Tuple2::_2)
                .reduceByKey((a, b) -> a.order() < b.order() ? a : b);
        return byKey.join(first)
                .filter(pair -> pair._2()._1()._2().order() != pair._2()._2().order()
                        && DistributedPreparation.isNear(pair._2()._1()._1(), pair._2()._1()._2(),
                                pair._2()._2().signature()))
                .mapToPair(pair -> new Tuple2<>(pair._2()._1()._2().slice(), pair._2()._1()._2().index()))
                .groupByKey()
                .mapValues(indices -> StreamSupport.stream(indices.spliterator(), false).collect(Collectors.toSet()));
    }

    private static List<Encoded> inOrder(Iterable<Encoded> documents) {
        List<Encoded> list = new ArrayList<>();
        documents.forEach(list::add);
        list.sort(Comparator.comparingInt(Encoded::index));
        return list;
    }

    private static List<Selected> sorted(List<Selected> slices) {
        return slices.stream().sorted(Comparator.comparingInt(Selected::slice)).toList();
    }

    /** Tokens of both splits before each slice. */
    private static Map<Integer, long[]> before(List<Selected> slices) {
        Map<Integer, long[]> before = new HashMap<>();
        long train = 0;
        long heldOut = 0;
        for (Selected slice : slices) {
            before.put(slice.slice(), new long[] {train, heldOut});
            train += slice.train().tokens();
            heldOut += slice.heldOut().tokens();
        }
        return before;
    }

    private static List<Shard> shards(JavaSparkContext spark, DistributedPreparation preparation,
                                      List<Selected> selected, boolean heldOut) {
        int shards = DistributedPreparation.shards(selected, heldOut);
        return shards == 0 ? List.of() : spark.parallelize(IntStream.range(0, shards).boxed().toList(), shards)
                .map(number -> preparation.writeShard(selected, heldOut, number)).collect();
    }
}
