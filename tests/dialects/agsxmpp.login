client agsXMPP -
# On .NET, which waits for leave before it sends a body. It declares its prefix backwards, or not at all, cuts the start tag at the first
# `>`, proves itself by a long chain of keys, and names the domain in each request.
rid 782052
connections kept
keys 1000 "
head
    POST /http-bind HTTP/1.1
    Content-Type: text/xml; charset=utf-8
    Host: {host}
    Content-Length: {length}
    Expect: 100-continue
    Connection: Keep-Alive
poll
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" {keys} sid="{sid}" to="{domain}"/>

send
    <body xmlns="http://jabber.org/protocol/httpbind" ver="1.6" xmpp:version="1.0" hold="1" wait="300" rid="{rid}" polling="0" requests="2"
    to="{domain}" {newkey}
    xmpp:xmlns="urn:xmpp:xbosh"/>
answer
    @sid
    @requests=2
    first <stream:features
    <mechanism>PLAIN</mechanism>
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" {keys} sid="{sid}" to="{domain}">
    <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">{plain}</auth></body>
hear
    <success
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" {keys} sid="{sid}" to="{domain}" xmpp:restart="true"/>
hear
    <stream:features
    <bind
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" {keys} sid="{sid}" to="{domain}">
    <iq xmlns="jabber:client" id="agsXMPP_1" type="set"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>MiniClient</resource></bind>
    </iq></body>
hear
    agsXMPP_1
    <jid>
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" {keys} sid="{sid}" to="{domain}">
    <iq xmlns="jabber:client" id="agsXMPP_2" to="{domain}" type="set"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></iq></body>
hear
    agsXMPP_2
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" {keys} sid="{sid}" to="{domain}">
    <presence xmlns="jabber:client"><priority>5</priority></presence></body>
hear
    <presence
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" {keys} sid="{sid}" to="{domain}">
    <message xmlns="jabber:client" to="{jid}" type="chat"><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" {keys} sid="{sid}" to="{domain}" type="terminate">
    <presence xmlns="jabber:client" type="unavailable"/></body>
end
