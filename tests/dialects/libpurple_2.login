client libpurple 2.14.12
# Pidgin and Finch. All requests go over one connection; the media type stands in the wrong header, the port is missing in Host, and every
# request names the domain, which opens no second stream.
rid 3829471650214873
connections pipelined
head
    POST /http-bind HTTP/1.1
    Host: {hostname}
    User-Agent: Pidgin 2.14.12 (libpurple 2.14.12)
    Content-Encoding: text/xml; charset=utf-8
    Content-Length: {length}
poll
    <body rid='{rid}' sid='{sid}' to='{domain}' xml:lang='en' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'></body>

send
    <body content='text/xml; charset=utf-8' secure='true' to='{domain}' xml:lang='en' xmpp:version='1.0' ver='1.6'
    xmlns:xmpp='urn:xmpp:xbosh' rid='{rid}' wait='60' hold='1' xmlns='http://jabber.org/protocol/httpbind'/>
# features that come later are never looked at
answer
    @sid
    @ver=1.6
    @inactivity>5
    @requests=2
    <stream:features
    <mechanism>SCRAM-SHA-1</mechanism>
send
    <body rid='{rid}' sid='{sid}' to='{domain}' xml:lang='en' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'>
    <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>{scram-sha-1}</auth></body>
hear
    <challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'
send
    <body rid='{rid}' sid='{sid}' to='{domain}' xml:lang='en' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'>
    <response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{scram}</response></body>
hear
    <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'
send
    <body rid='{rid}' sid='{sid}' to='{domain}' xml:lang='en' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'
    xmpp:restart='true'/>
hear
    <stream:features
    <bind
    <session
send
    <body rid='{rid}' sid='{sid}' to='{domain}' xml:lang='en' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'>
    <iq xmlns='jabber:client' type='set' id='purple5f1c0e21'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>Home</resource></bind></iq>
    </body>
hear
    id='purple5f1c0e21'
    <jid>
send
    <body rid='{rid}' sid='{sid}' to='{domain}' xml:lang='en' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'>
    <iq xmlns='jabber:client' type='set' id='purple5f1c0e22'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq></body>
hear
    id='purple5f1c0e22'
# what was said within a second goes together
poll
send
    <body rid='{rid}' sid='{sid}' to='{domain}' xml:lang='en' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'>
    <iq xmlns='jabber:client' type='get' id='purple5f1c0e23' to='{domain}'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>
    <iq xmlns='jabber:client' type='get' id='purple5f1c0e24'><query xmlns='jabber:iq:roster'/></iq>
    <presence xmlns='jabber:client'><priority>1</priority></presence></body>
hear
    <presence
poll
send
    <body rid='{rid}' sid='{sid}' to='{domain}' xml:lang='en' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'>
    <message xmlns='jabber:client' type='chat' id='purple5f1c0e25' to='{jid}'><active xmlns='http://jabber.org/protocol/chatstates'/>
    <body>one</body></message></body>
hear
    id='purple5f1c0e25'
    <body>one</body>
poll
send
    <body rid='{rid}' sid='{sid}' to='{domain}' xml:lang='en' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'
    type='terminate'>
    <presence xmlns='jabber:client' type='unavailable'/></body>
end
