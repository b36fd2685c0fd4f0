// A user of Smack over jbosh, told by lines what to do (tests/clients/guest.rs): Smack ENDPOINT JID PASSWORD
//
// Beside what every client knows: `roster` (tells `roster JID...`), `befriend JID` (everybody lets it happen, and it tells `sees FULLJID`),
// `send-file FULLJID BYTES` (tells `sent SHA256 BYTES`; who gets it: `file FULLJID SHA256 BYTES`), and `logins TIMES`, each out again before the
// next (tells `logins TIMES`).

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.jar.JarFile;
import java.util.stream.Stream;

import org.igniterealtime.jbosh.BOSHClient;
import org.jivesoftware.smack.ConnectionConfiguration.SecurityMode;
import org.jivesoftware.smack.ConnectionListener;
import org.jivesoftware.smack.Smack;
import org.jivesoftware.smack.SmackConfiguration;
import org.jivesoftware.smack.bosh.BOSHConfiguration;
import org.jivesoftware.smack.bosh.XMPPBOSHConnection;
import org.jivesoftware.smack.chat2.ChatManager;
import org.jivesoftware.smack.packet.Message;
import org.jivesoftware.smack.packet.Presence;
import org.jivesoftware.smack.roster.AbstractPresenceEventListener;
import org.jivesoftware.smack.roster.Roster;
import org.jivesoftware.smackx.filetransfer.FileTransfer;
import org.jivesoftware.smackx.filetransfer.FileTransferManager;
import org.jivesoftware.smackx.filetransfer.FileTransferNegotiator;
import org.jivesoftware.smackx.filetransfer.FileTransferRequest;
import org.jivesoftware.smackx.filetransfer.OutgoingFileTransfer;
import org.jivesoftware.smackx.muc.MultiUserChat;
import org.jivesoftware.smackx.muc.MultiUserChatManager;
import org.jxmpp.jid.EntityBareJid;
import org.jxmpp.jid.EntityFullJid;
import org.jxmpp.jid.FullJid;
import org.jxmpp.jid.Jid;
import org.jxmpp.jid.impl.JidCreate;
import org.jxmpp.jid.parts.Resourcepart;
import org.minidns.dnsname.DnsName;

final class User {
    /** Two cores may be shared with other tests: five seconds, as usual, can pass while classes are loaded. In milliseconds. */
    private static final int PATIENCE = 60_000;
    /** Looks at a file transfer so often, in milliseconds; Smack tells nobody when it is done. */
    private static final long LOOK = 20;

    private final BOSHConfiguration configuration;
    private final Map<EntityBareJid, MultiUserChat> rooms = new HashMap<>();
    private XMPPBOSHConnection connection;

    User(URI endpoint, EntityBareJid jid, String password) {
        configuration = BOSHConfiguration.builder()
                .setUseHttps(endpoint.getScheme().equals("https"))
                // as a name even if it is an address, of which Smack 4.4.8 makes http:///127.0.0.1
                .setHost(DnsName.from(endpoint.getHost()))
                .setPort(endpoint.getPort())
                .setFile(endpoint.getPath())
                .setXmppDomain(jid.asDomainBareJid())
                .setUsernameAndPassword(jid.getLocalpart(), password)
                .setResource(Resourcepart.fromOrThrowUnchecked("smack"))
                .setSecurityMode(SecurityMode.disabled)
                .build();
    }

    public static void main(String[] arguments) throws Exception {
        FileTransferNegotiator.IBB_ONLY = true;
        SmackConfiguration.setDefaultReplyTimeout(PATIENCE);
        tell("version", "Smack with jbosh", jboshVersion(), Smack.getVersion().split(" ")[0]);
        var user = new User(URI.create(arguments[0]), JidCreate.entityBareFrom(arguments[1]), arguments[2]);
        var commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            if (line.equals("leave")) {
                user.leave();
                tell("left");
                // jbosh says goodbye on threads of its own, and the process ends with the last of them
                return;
            }
            user.obey(line);
        }
        System.exit(1);
    }

    private static String jboshVersion() throws Exception {
        var place = BOSHClient.class.getProtectionDomain().getCodeSource().getLocation();
        try (var jar = new JarFile(Path.of(place.toURI()).toFile())) {
            return jar.getManifest().getMainAttributes().getValue("Bundle-Version");
        }
    }

    private static synchronized void tell(Object... words) {
        var line = new StringBuilder(">");
        for (Object word : words) {
            line.append(' ').append(word);
        }
        System.out.println(line);
        System.out.flush();
    }

    private void obey(String line) throws Exception {
        String[] words = line.split(" ", 3);
        switch (words[0]) {
            case "enter" -> enter();
            case "say" -> say(JidCreate.from(words[1]), words[2]);
            case "join" -> join(JidCreate.entityBareFrom(words[1]), Resourcepart.from(words[2]));
            case "tell" -> rooms.get(JidCreate.entityBareFrom(words[1])).sendMessage(words[2]);
            case "roster" -> roster();
            case "befriend" -> Roster.getInstanceFor(connection)
                    .createItemAndRequestSubscription(JidCreate.bareFrom(words[1]), null, null);
            case "send-file" -> sendFile(JidCreate.entityFullFrom(words[1]), Integer.parseInt(words[2]));
            case "logins" -> logins(Integer.parseInt(words[1]));
            default -> throw new IllegalArgumentException(line);
        }
    }

    private void enter() throws Exception {
        var entering = new XMPPBOSHConnection(configuration);
        entering.addConnectionListener(new ConnectionListener() {
            @Override
            public void connectionClosedOnError(Exception why) {
                tell("gone", why);
            }
        });
        ChatManager.getInstanceFor(entering)
                .addIncomingListener((from, message, chat) -> tell("heard", message.getFrom(), message.getBody()));
        var roster = Roster.getInstanceFor(entering);
        roster.setSubscriptionMode(Roster.SubscriptionMode.accept_all);
        Set<Jid> seen = ConcurrentHashMap.newKeySet();
        roster.addPresenceEventListener(new AbstractPresenceEventListener() {
            @Override
            public void presenceAvailable(FullJid jid, Presence presence) {
                if (roster.contains(jid.asBareJid()) && seen.add(jid)) {
                    tell("sees", jid);
                }
            }
        });
        FileTransferManager.getInstanceFor(entering)
                .addFileTransferListener(request -> new Thread(() -> receiveFile(request)).start());
        entering.connect().login();
        rooms.clear();
        connection = entering;
        tell("online", connection.getUser());
    }

    private void leave() {
        connection.disconnect();
    }

    private void say(Jid to, String text) throws Exception {
        connection.sendStanza(connection.getStanzaFactory().buildMessageStanza().to(to).ofType(Message.Type.chat)
                .setBody(text).build());
    }

    /** Whoever is the first there opens the room as it is. */
    private void join(EntityBareJid jid, Resourcepart nick) throws Exception {
        MultiUserChat room = MultiUserChatManager.getInstanceFor(connection).getMultiUserChat(jid);
        room.addMessageListener(message -> {
            if (message.getBody() != null) {
                tell("told", message.getFrom(), message.getBody());
            }
        });
        var created = room.createOrJoin(nick);
        if (created != null) {
            created.makeInstant();
        }
        rooms.put(jid, room);
        tell("joined", jid);
    }

    /** As the server has it now. */
    private void roster() throws Exception {
        var roster = Roster.getInstanceFor(connection);
        roster.reloadAndWait();
        Stream<Object> jids = roster.getEntries().stream().map(entry -> entry.getJid().toString()).sorted().map(jid -> jid);
        tell(Stream.concat(Stream.of("roster"), jids).toArray());
    }

    private void sendFile(EntityFullJid to, int bytes) throws Exception {
        var content = new byte[bytes];
        new Random(bytes).nextBytes(content);
        OutgoingFileTransfer transfer = FileTransferManager.getInstanceFor(connection).createOutgoingFileTransfer(to);
        transfer.sendStream(new ByteArrayInputStream(content), "random", bytes, "random bytes");
        while (!transfer.isDone()) {
            Thread.sleep(LOOK);
        }
        if (transfer.getStatus() != FileTransfer.Status.complete) {
            throw new IllegalStateException(transfer.getStatus() + ": " + transfer.getError(), transfer.getException());
        }
        tell("sent", sha256(content), bytes);
    }

    private static void receiveFile(FileTransferRequest request) {
        try (InputStream stream = request.accept().receiveFile()) {
            byte[] content = stream.readAllBytes();
            tell("file", request.getRequestor(), sha256(content), content.length);
        } catch (Exception error) {
            error.printStackTrace();
        }
    }

    private static String sha256(byte[] content) throws Exception {
        return String.format("%064x", new BigInteger(1, MessageDigest.getInstance("SHA-256").digest(content)));
    }

    private void logins(int times) throws Exception {
        for (int nth = 0; nth < times; nth++) {
            var visit = new XMPPBOSHConnection(configuration);
            visit.connect().login();
            visit.disconnect();
        }
        tell("logins", times);
    }
}
