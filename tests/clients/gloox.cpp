// A user of gloox who writes to himself: gloox HOST PORT PATH USER PASSWORD MODE MESSAGES
//
// Each message is written while a request is held and nothing else happens. Prints one line of JSON: what came back, in order, and after
// how many milliseconds each.

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <gloox/client.h>
#include <gloox/connectionbosh.h>
#include <gloox/connectionlistener.h>
#include <gloox/connectiontcpclient.h>
#include <gloox/loghandler.h>
#include <gloox/message.h>
#include <gloox/messagehandler.h>

using Clock = std::chrono::steady_clock;

// gloox looks at its sockets for so long, in microseconds.
const int LOOK = 20 * 1000;

// Long enough for the last answer to be handled and the next request to be held.
const auto QUIET = std::chrono::milliseconds(700);

class User : gloox::ConnectionListener, gloox::MessageHandler, gloox::LogHandler {
public:
    User(const gloox::JID& jid, const std::string& password) : client(jid, password) {
        client.registerConnectionListener(this);
        client.registerMessageHandler(this);
        client.logInstance().registerLogHandler(gloox::LogLevelDebug, gloox::LogAreaAll, this);
        client.setTls(gloox::TLSDisabled);
        client.setCompression(false);
        client.disableRoster();
    }

    // Through BOSH at that place; the client owns both connections.
    void go(const std::string& host, int port, const std::string& path, gloox::ConnectionBOSH::ConnMode mode) {
        auto* tcp = new gloox::ConnectionTCPClient(client.logInstance(), host, port);
        auto* bosh = new gloox::ConnectionBOSH(&client, tcp, client.logInstance(), host, client.jid().server());
        bosh->setPath(path);
        bosh->setMode(mode);
        client.setConnectionImpl(bosh);
        client.connect(false);
    }

    // Writes one message after the other, each into silence, until all have come back. False if the connection ends first.
    bool chat(size_t messages) {
        auto quiet = Clock::now();
        while (bodies.size() < messages) {
            // what it returns is about one of several connections, which gloox replaces by itself
            client.recv(LOOK);
            if (gone) {
                return false;
            }
            if (!connected || bodies.size() < sent) {
                quiet = Clock::now();
            } else if (Clock::now() - quiet > QUIET) {
                began = Clock::now();
                gloox::Message message(gloox::Message::Chat, client.jid().bareJID(), "message " + std::to_string(sent));
                ++sent;
                client.send(message);
            }
        }
        return true;
    }

    void leave() { client.disconnect(); }

    std::vector<std::string> bodies;
    std::vector<long> latencies;

private:
    void onConnect() override { connected = true; }

    void onDisconnect(gloox::ConnectionError error) override {
        gone = true;
        std::cerr << "disconnected: " << error << std::endl;
    }

    bool onTLSConnect(const gloox::CertInfo&) override { return true; }

    void handleMessage(const gloox::Message& message, gloox::MessageSession*) override {
        if (!message.body().empty()) {
            bodies.push_back(message.body());
            const auto took = Clock::now() - began;
            latencies.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
        }
    }

    void handleLog(gloox::LogLevel level, gloox::LogArea area, const std::string& text) override {
        std::cerr << level << ' ' << area << ' ' << text << std::endl;
    }

    gloox::Client client;
    Clock::time_point began;
    size_t sent = 0;
    bool connected = false;
    bool gone = false;
};

int main(int count, char** arguments) {
    const std::map<std::string, gloox::ConnectionBOSH::ConnMode> modes = {
        {"legacy", gloox::ConnectionBOSH::ModeLegacyHTTP},
        {"persistent", gloox::ConnectionBOSH::ModePersistentHTTP},
        {"pipelining", gloox::ConnectionBOSH::ModePipelining},
    };
    if (count != 8 || modes.count(arguments[6]) == 0) {
        std::cerr << "usage: gloox HOST PORT PATH USER PASSWORD legacy|persistent|pipelining MESSAGES" << std::endl;
        return EXIT_FAILURE;
    }
    User user(gloox::JID(arguments[4]), arguments[5]);
    user.go(arguments[1], std::atoi(arguments[2]), arguments[3], modes.at(arguments[6]));
    const bool whole = user.chat(std::strtoul(arguments[7], nullptr, 10));
    user.leave();
    std::cout << "{\"received\": [";
    for (size_t nth = 0; nth < user.bodies.size(); ++nth) {
        std::cout << (nth > 0 ? ", " : "") << '"' << user.bodies[nth] << '"';
    }
    std::cout << "], \"milliseconds\": [";
    for (size_t nth = 0; nth < user.latencies.size(); ++nth) {
        std::cout << (nth > 0 ? ", " : "") << user.latencies[nth];
    }
    std::cout << "]}" << std::endl;
    return whole ? EXIT_SUCCESS : EXIT_FAILURE;
}
