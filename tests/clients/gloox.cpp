// A user of gloox (tests/clients/guest.rs): gloox ENDPOINT JID PASSWORD legacy|persistent|pipelining

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <string>

#include <poll.h>
#include <unistd.h>

#include <gloox/client.h>
#include <gloox/connectionbosh.h>
#include <gloox/connectionlistener.h>
#include <gloox/connectiontcpclient.h>
#include <gloox/loghandler.h>
#include <gloox/message.h>
#include <gloox/messagehandler.h>

using Mode = gloox::ConnectionBOSH::ConnMode;

const std::map<std::string, Mode> MODES = {
    {"legacy", gloox::ConnectionBOSH::ModeLegacyHTTP},
    {"persistent", gloox::ConnectionBOSH::ModePersistentHTTP},
    {"pipelining", gloox::ConnectionBOSH::ModePipelining},
};

// gloox looks at its sockets for so long, in microseconds; meanwhile it is told nothing.
const int LOOK = 20 * 1000;

// In a row, for which no connection is replaced any more.
const int ERRORS = 50;

void tell(const std::string& event) { std::cout << "> " << event << std::endl; }

struct Endpoint {
    std::string host;
    int port;
    std::string path;
    Mode mode;
};

// One login, from `enter` until it is over.
class Session : gloox::ConnectionListener, gloox::MessageHandler, gloox::LogHandler {
public:
    Session(const Endpoint& endpoint, const gloox::JID& jid, const std::string& password)
        : mode(endpoint.mode), client(jid, password) {
        client.registerConnectionListener(this);
        client.registerMessageHandler(this);
        client.logInstance().registerLogHandler(gloox::LogLevelDebug, gloox::LogAreaAll, this);
        client.setTls(gloox::TLSDisabled);
        client.setCompression(false);
        client.disableRoster();
        // the client owns both connections
        auto* tcp = new gloox::ConnectionTCPClient(client.logInstance(), endpoint.host, endpoint.port);
        auto* bosh = new gloox::ConnectionBOSH(&client, tcp, client.logInstance(), endpoint.host, jid.server());
        bosh->setPath(endpoint.path);
        bosh->setMode(endpoint.mode);
        client.setConnectionImpl(bosh);
        client.connect(false);
    }

    // gloox counts a request whose connection ended as open for ever and asks for nothing more: its session is lost, which it does not tell. What
    // it returns then: with one connection one error, with several errors only; one among others is about a connection that it replaces.
    void look() {
        const gloox::ConnectionError error = client.recv(LOOK);
        errors = error == gloox::ConnNoError ? 0 : errors + 1;
        if (errors > (mode == gloox::ConnectionBOSH::ModePipelining ? 0 : ERRORS)) {
            onDisconnect(error);
        } else if (errors > 0) {
            usleep(LOOK);
        }
    }

    void say(const std::string& to, const std::string& text) {
        gloox::Message message(gloox::Message::Chat, gloox::JID(to), text);
        client.send(message);
    }

    void leave() {
        leaving = true;
        client.disconnect();
    }

    bool over = false;

private:
    void onConnect() override { tell("online " + client.jid().full()); }

    void onDisconnect(gloox::ConnectionError error) override {
        if (!over) {
            over = true;
            tell(leaving ? "left" : "gone " + std::to_string(error));
        }
    }

    bool onTLSConnect(const gloox::CertInfo&) override { return true; }

    void handleMessage(const gloox::Message& message, gloox::MessageSession*) override {
        // a message of ours that came back as an error has a body, too
        if (message.subtype() != gloox::Message::Error && !message.body().empty()) {
            tell("heard " + message.from().full() + ' ' + message.body());
        }
    }

    void handleLog(gloox::LogLevel level, gloox::LogArea area, const std::string& text) override {
        std::cerr << level << ' ' << area << ' ' << text << std::endl;
    }

    const Mode mode;
    gloox::Client client;
    int errors = 0;
    bool leaving = false;
};

class User {
public:
    User(Endpoint endpoint, const std::string& jid, std::string password)
        : endpoint(std::move(endpoint)), jid(jid + "/gloox"), password(std::move(password)) {}

    // Until it has left, or there is nothing more to be told.
    bool live() {
        while (true) {
            const bool online = session && !session->over;
            pollfd input = {STDIN_FILENO, POLLIN, 0};
            if (poll(&input, 1, online ? 0 : -1) > 0 && !listen()) {
                return false;
            }
            if (left) {
                return true;
            }
            if (session && !session->over) {
                session->look();
            }
        }
    }

private:
    // Reads what there is, and does what the complete lines say.
    bool listen() {
        char bytes[4096];
        const ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
        if (count <= 0) {
            return false;
        }
        unread.append(bytes, count);
        for (size_t end; (end = unread.find('\n')) != std::string::npos; unread.erase(0, end + 1)) {
            obey(unread.substr(0, end));
        }
        return true;
    }

    void obey(const std::string& line) {
        std::smatch words;
        if (line == "enter") {
            session = std::make_unique<Session>(endpoint, jid, password);
        } else if (line == "leave") {
            session->leave();
            left = true;
        } else if (std::regex_match(line, words, std::regex("say (\\S+) (.*)"))) {
            session->say(words[1], words[2]);
        } else {
            std::cerr << "what is " << line << '?' << std::endl;
        }
    }

    const Endpoint endpoint;
    const gloox::JID jid;
    const std::string password;
    std::unique_ptr<Session> session;
    std::string unread;
    bool left = false;
};

int main(int count, char** arguments) {
    std::smatch parts;
    const std::string place = count == 5 ? arguments[1] : "";
    if (!std::regex_match(place, parts, std::regex("http://([^/:]+):([0-9]+)(/.*)")) || MODES.count(arguments[4]) == 0) {
        std::cerr << "usage: gloox ENDPOINT JID PASSWORD legacy|persistent|pipelining" << std::endl;
        return EXIT_FAILURE;
    }
    tell(std::string("version gloox (") + arguments[4] + ") " + gloox::GLOOX_VERSION);
    User user({parts[1], std::stoi(parts[2]), parts[3], MODES.at(arguments[4])}, arguments[2], arguments[3]);
    return user.live() ? EXIT_SUCCESS : EXIT_FAILURE;
}
