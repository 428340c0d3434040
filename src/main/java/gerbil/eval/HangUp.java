package gerbil.eval;

import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.util.thread.Scheduler;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Closes the connections of clients that are waited for too long, whatever they send or read meanwhile. */
final class HangUp implements Connection.Listener {

    private final Scheduler scheduler;
    private final Duration patience;
    private final Map<EndPoint, Scheduler.Task> due = new ConcurrentHashMap<>();

    HangUp(Scheduler scheduler, Duration patience) {
        this.scheduler = scheduler;
        this.patience = patience;
    }

    @Override
    public void onOpened(Connection connection) {
        later(connection.getEndPoint());
    }

    @Override
    public void onClosed(Connection connection) {
        not(connection.getEndPoint());
    }

    /** From now on the client has as long as it may take. */
    void later(EndPoint client) {
        not(client);
        due.put(client, scheduler.schedule(client::close, patience));
        if (!client.isOpen()) { // perhaps it was closed before it was put
            not(client);
        }
    }

    /** The client is not waited for. */
    void not(EndPoint client) {
        Scheduler.Task task = due.remove(client);
        if (task != null) {
            task.cancel();
        }
    }
}
