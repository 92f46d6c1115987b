import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

/**
 * A MongoDB test server in memory.
 *
 * <p>Usage: {@code java -cp 'JARS/*' MongoServer.java PORT}; port 0 takes a free one. Prints the port on a line of its
 * own once it listens, and ends when its standard input closes, so that it never outlives the tests that started it.
 */
public class MongoServer {
    /** The oldest version that the Rust driver speaks to: 4.4.0, wire version 9. */
    private record Version() implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(4, 4, 0);
        }

        @Override
        public int getWireVersion() {
            return 9;
        }
    }

    public static void main(String[] args) throws Exception {
        var server = new de.bwaldvogel.mongo.MongoServer(new MemoryBackend().version(new Version()));
        server.bind("127.0.0.1", Integer.parseInt(args[0]));
        System.out.println(server.getLocalAddress().getPort());
        while (System.in.read() >= 0) {
            // Nothing is said here; the end of the input is the signal.
        }
        server.shutdownNow();
        System.exit(0);
    }
}
