// SPDX-License-Identifier: Apache-2.0
// Prints murmur2_vectors.h: what Kafka's own murmur2 says of 1,000 keys.
//   java -cp '.deps-prefix/kafka/jars/*' tests/unit/codec/Murmur2.java > tests/unit/codec/murmur2_vectors.h
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.utils.Utils;

class Murmur2 {
    static long state = 1;

    // next_random() of support.h
    static int next() {
        state = state * 6364136223846793005L + 1442695040888963407L;
        return (int) (state >>> 33);
    }

    public static void main(String[] arguments) {
        System.out.println("/* SPDX-License-Identifier: Apache-2.0 */");
        System.out.println("/* Made by Murmur2.java: the hash of each key, and its partition of 1 + number of the key. */");
        System.out.println("static const struct {\n    uint32_t hash;\n    int32_t partition;\n} vectors[1000] = {");
        for (int i = 0; i < 1000; i++) {
            byte[] key = new byte[Integer.remainderUnsigned(next(), 40)];

            for (int j = 0; j < key.length; j++)
                key[j] = (byte) next();
            System.out.printf("%s{ 0x%08x, %d },%s", i % 4 == 0 ? "    " : "", Utils.murmur2(key),
                BuiltInPartitioner.partitionForKey(key, 1 + i), i % 4 == 3 ? "\n" : " ");
        }
        System.out.println("};");
    }
}
