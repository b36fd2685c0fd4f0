# A user of xmpp4r (tests/clients/guest.rs): ruby xmpp4r.rb ENDPOINT JID PASSWORD

require 'xmpp4r'
require 'xmpp4r/httpbinding'

$stdout.sync = true
Jabber.debug = true
Jabber.logger.reopen($stderr)

# xmpp4r gives each request to a thread of its own, where it gets its number: what is said next could overtake it until then.
class Client < Jabber::HTTPBinding::Client
  private

  def send_data(data, restart = false)
    super
    sleep(0.01) until data.empty? || @lock.synchronize { @numbered.to_s.include?(data) || @send_buffer.include?(data) }
  end

  def post(body, about)
    @lock.synchronize { @numbered = [@numbered, body].join }
    super
  end
end

def tell(*words)
  puts "> #{words.join(' ')}"
end

def enter(endpoint, jid, password)
  client = Client.new(Jabber::JID.new("#{jid}/xmpp4r"))
  client.on_exception { |error, _, where| tell('gone', where, error.class) }
  client.add_message_callback do |message|
    # a message of ours that came back as an error has a body, too
    tell('heard', message.from, message.body) if message.body && message.type != :error
  end
  client.connect(endpoint)
  client.auth(password)
  client.send(Jabber::Presence.new)
  tell('online', client.jid)
  client
end

tell('version', 'xmpp4r', Jabber::XMPP4R_VERSION)
client = nil
while (line = $stdin.gets(chomp: true))
  word, to, text = line.split(' ', 3)
  case word
  when 'enter'
    client = enter(*ARGV)
  when 'say'
    client.send(Jabber::Message.new(to, text).set_type(:chat))
  when 'leave'
    client.close
    tell('left')
    exit
  else
    warn "what is #{line}?"
  end
end
