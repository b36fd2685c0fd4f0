client escalus 4.6.1
# In MongooseIM's tests. The rid is the clock's microseconds; stanzas have no namespace of their own; the start of a stream is told by
# attributes of the answer, which are searched by their literal names.
rid 1763804412345678
connections kept
head
    POST /http-bind HTTP/1.1
    content-type: text/xml; charset=utf-8
    host: {host}
    content-length: {length}
poll
    <body rid='{rid}' xmlns='http://jabber.org/protocol/httpbind' sid='{sid}'/>

send
    <body rid='{rid}' xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' xmlns:xmpp='urn:xmpp:xbosh'
    xmpp:version='1.0' ver='1.6' hold='1' wait='60'
    xml:lang='en' to='{domain}'/>
answer
    @sid
    @from={domain}
    @xmpp:version=1.0
    <stream:features
    <mechanism>PLAIN</mechanism>
send
    <body rid='{rid}' xmlns='http://jabber.org/protocol/httpbind' sid='{sid}'>
    <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth></body>
hear
    <success
send
    <body rid='{rid}' xmlns='http://jabber.org/protocol/httpbind' sid='{sid}' xmlns:xmpp='urn:xmpp:xbosh' xml:lang='en' to='{domain}'
    xmpp:restart='true'/>
hear
    @xmpp:version=1.0
    @from={domain}
    no @sid
    <stream:features
    <bind
send
    <body rid='{rid}' xmlns='http://jabber.org/protocol/httpbind' sid='{sid}'>
    <iq type='set' id='b3b5d1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>res1</resource></bind></iq></body>
hear
    b3b5d1
    <jid>
send
    <body rid='{rid}' xmlns='http://jabber.org/protocol/httpbind' sid='{sid}'>
    <iq type='set' id='7c31aa'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq></body>
hear
    7c31aa
poll
send
    <body rid='{rid}' xmlns='http://jabber.org/protocol/httpbind' sid='{sid}'><presence/></body>
hear
    <presence
poll
send
    <body rid='{rid}' xmlns='http://jabber.org/protocol/httpbind' sid='{sid}'><message to='{jid}' type='chat'><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body rid='{rid}' xmlns='http://jabber.org/protocol/httpbind' sid='{sid}' type='terminate'><presence type='unavailable'/></body>
end
