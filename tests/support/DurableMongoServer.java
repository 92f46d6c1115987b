import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.List;
import org.h2.mvstore.MVStore;

/**
 * As MongoServer.java, with the data in a file: what was answered outlives a kill.
 *
 * <p>Usage: {@code java -cp 'JARS/*' DurableMongoServer.java PORT FILE}.
 */
public class DurableMongoServer {
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

    /** Has everything in the file before it answers, as a server does that is asked to wait for its journal. */
    private static final class Journaled extends H2Backend {
        Journaled(String file) {
            super(new MVStore.Builder().fileName(file).autoCommitDisabled().open());
        }

        @Override
        public Document handleMessage(MongoMessage message) {
            try {
                return super.handleMessage(message);
            } finally {
                commit();
            }
        }
    }

    public static void main(String[] args) throws Exception {
        var server = new MongoServer(new Journaled(args[1]).version(new Version()));
        server.bind("127.0.0.1", Integer.parseInt(args[0]));
        System.out.println(server.getLocalAddress().getPort());
        while (System.in.read() >= 0) {
            // The end of the input is the signal.
        }
        server.shutdownNow();
        System.exit(0);
    }
}
