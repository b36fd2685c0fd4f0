client node-bosh-xmpp-client 0.1.5
# In Node. The first rid is small; the restart goes to whoever the creation answer came from; stanzas have no namespace of
# their own.
rid 3
connections one-each
head
    POST /http-bind/ HTTP/1.1
    Content-Type: text/xml; charset=utf-8
    Content-Length: {length}
    Host: {host}
    Connection: close
poll
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind"/>

send
    <body content="text/xml; charset=utf-8" xml:lang="en" hold="1" wait="60" ver="1.6" xmpp:version="1.0"
    xmlns="http://jabber.org/protocol/httpbind" xmlns:xmpp="urn:xmpp:xbosh"
    to="{domain}" rid="{rid}"/>
answer
    @sid
    @from={domain}
    <stream:features
    <mechanism>PLAIN</mechanism>
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">{plain}</auth></body>
hear
    <success
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind" to="{from}" xmpp:restart="true" xml:lang="en"
    xmlns:xmpp="urn:xmpp:xbosh"/>
hear
    <stream:features
    <bind
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <iq id="bind_1" type="set"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>node</resource></bind></iq></body>
hear
    bind_1
    <jid>
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <iq id="sess_1" type="set"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></iq></body>
hear
    sess_1
poll
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind"><presence/></body>
hear
    <presence
poll
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind"><message to="{jid}" type="chat"><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind" type="terminate"><presence type="unavailable"/></body>
end
