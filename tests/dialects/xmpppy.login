client xmpppy 0.7.4
# Wants four requests held, and sends them over one connection; names a route without a scheme. Each request repeats what was agreed. It
# leaves without a word, so the session ends by its silence.
rid 314159265
connections pipelined
inactivity 4
head
    POST /http-bind HTTP/1.1
    Host: {hostname}
    Content-Type: text/xml; charset=utf-8
    Connection: Keep-Alive
    Content-Length: {length}
    Accept-Encoding: gzip, deflate
poll
    <body xmlns="http://jabber.org/protocol/httpbind" content="text/xml; charset=utf-8" xml:lang="en" rid="{rid}" sid="{sid}" />

send
    <body xmlns="http://jabber.org/protocol/httpbind" hold="4" wait="80" ver="1.6" xmpp:version="1.0" to="{domain}" xmlns:xmpp="urn:xmpp:xbosh"
    route="{domain}:5222" content="text/xml; charset=utf-8" xml:lang="en" rid="{rid}" />
answer
    @sid
    @authid
    @wait
    @hold=1
    @requests=2
    <stream:features
    <mechanism>PLAIN</mechanism>
send
    <body xmlns="http://jabber.org/protocol/httpbind" content="text/xml; charset=utf-8" xml:lang="en" rid="{rid}" sid="{sid}">
    <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">{plain}</auth></body>
hear
    <success
send
    <body xmlns="http://jabber.org/protocol/httpbind" xmpp:restart="true" xmlns:xmpp="urn:xmpp:xbosh" content="text/xml; charset=utf-8"
    xml:lang="en" rid="{rid}" sid="{sid}" />
hear
    <stream:features
    <bind
send
    <body xmlns="http://jabber.org/protocol/httpbind" content="text/xml; charset=utf-8" xml:lang="en" rid="{rid}" sid="{sid}">
    <iq type="set" id="4"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>xmpppy</resource></bind></iq></body>
hear
    id='4'
    <jid>
send
    <body xmlns="http://jabber.org/protocol/httpbind" content="text/xml; charset=utf-8" xml:lang="en" rid="{rid}" sid="{sid}">
    <iq type="set" id="5"><session xmlns="urn:ietf:params:xml:ns:xmpp-session" /></iq></body>
hear
    id='5'
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" content="text/xml; charset=utf-8" xml:lang="en" rid="{rid}" sid="{sid}">
    <presence id="6" /></body>
hear
    <presence
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" content="text/xml; charset=utf-8" xml:lang="en" rid="{rid}" sid="{sid}">
    <message to="{jid}" type="chat" id="7"><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" content="text/xml; charset=utf-8" xml:lang="en" rid="{rid}" sid="{sid}">
    <presence type="unavailable" id="8" /></body>
hang-up
