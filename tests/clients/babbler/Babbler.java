// A user of Babbler, told by lines what to do (tests/clients/guest.rs): Babbler ENDPOINT JID PASSWORD [compression]

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

import rocks.xmpp.addr.Jid;
import rocks.xmpp.core.session.ReconnectionStrategy;
import rocks.xmpp.core.session.XmppClient;
import rocks.xmpp.core.session.XmppSession.Status;
import rocks.xmpp.core.session.XmppSessionConfiguration;
import rocks.xmpp.core.stanza.model.Message;
import rocks.xmpp.extensions.compress.CompressionMethod;
import rocks.xmpp.extensions.httpbind.BoshConnectionConfiguration;

final class User {
    /** Two cores may be shared with other tests. */
    private static final Duration PATIENCE = Duration.ofMinutes(1);

    /** In which an acknowledgement comes if it comes at all. */
    private static final Duration ARRIVAL = Duration.ofSeconds(2);

    private final XmppClient client;
    private final Semaphore arrived = new Semaphore(0);
    private final Jid jid;
    private final String password;

    private User(URI endpoint, Jid jid, String password, List<String> options) {
        var bosh = BoshConnectionConfiguration.builder().hostname(endpoint.getHost()).port(endpoint.getPort())
                .path(endpoint.getPath());
        if (options.contains("compression")) {
            bosh.compressionMethods(CompressionMethod.GZIP, CompressionMethod.ZLIB);
        }
        var session = XmppSessionConfiguration.builder().defaultResponseTimeout(PATIENCE)
                .reconnectionStrategy(ReconnectionStrategy.none()).build();
        this.jid = jid;
        this.password = password;
        client = XmppClient.create(jid.getDomain(), session, bosh.build());
        client.addInboundMessageListener(event -> {
            if (event.getMessage().getBody() != null) {
                tell("heard", event.getMessage().getFrom(), event.getMessage().getBody());
            }
        });
        client.addMessageAcknowledgedListener(event -> arrived.release());
        client.addSessionStatusListener(event -> {
            if (event.getStatus() == Status.DISCONNECTED) {
                tell("gone", event.getThrowable());
            }
        });
    }

    public static void main(String[] arguments) throws Exception {
        var options = List.of(arguments).subList(3, arguments.length);
        tell("version", options.isEmpty() ? "Babbler" : "Babbler (" + String.join(", ", options) + ")", version());
        var user = new User(URI.create(arguments[0]), Jid.of(arguments[1]), arguments[2], options);
        var commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            String[] words = line.split(" ", 3);
            switch (words[0]) {
                case "enter" -> user.enter();
                case "say" -> user.say(Jid.of(words[1]), words[2]);
                case "leave" -> {
                    user.client.close();
                    tell("left");
                    System.exit(0);
                }
                default -> throw new IllegalArgumentException(line);
            }
        }
        System.exit(1);
    }

    /**
     * Babbler does not count what is under way: of two messages the later may get the lower rid, and of three requests the last may come
     * first, which is outside of the window. So each waits until the one before has arrived, which the answer to the request before that one
     * says. Without one there is nothing to wait for.
     */
    private void say(Jid to, String text) throws Exception {
        arrived.drainPermits();
        client.send(new Message(to, Message.Type.CHAT, text)).get();
        arrived.tryAcquire(ARRIVAL.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void enter() throws Exception {
        client.connect();
        client.login(jid.getLocal(), password, "babbler");
        tell("online", client.getConnectedResource());
    }

    private static String version() throws Exception {
        var properties = new Properties();
        try (var file = User.class.getResourceAsStream("/META-INF/maven/rocks.xmpp/xmpp-core-client/pom.properties")) {
            properties.load(file);
        }
        return properties.getProperty("version");
    }

    private static synchronized void tell(Object... words) {
        var line = new StringBuilder(">");
        for (Object word : words) {
            line.append(' ').append(word);
        }
        System.out.println(line);
        System.out.flush();
    }
}
