// Why a session ended, in words for a visitor: terminal conditions (XEP-0124 section 17.2), stream errors (RFC 6120
// section 4.9.3), refused logins (section 6.5) and what the browser itself found.

const WORDS = {
  'unreachable': 'The server cannot be reached. Is boshd still running?',
  'not-bosh': 'Something answered that is not a BOSH server.',
  'closed': 'The server closed the session.',

  'bad-request': 'The server did not understand this page’s request.',
  'host-gone': 'The XMPP server behind boshd is gone.',
  'host-unknown': 'boshd does not serve this domain.',
  'improper-addressing': 'boshd was asked for no domain.',
  'internal-server-error': 'boshd ran into an internal error.',
  'item-not-found': 'The session is no longer known: it was idle for too long, or the server was restarted.',
  'other-request': 'Another request ended this session.',
  'policy-violation': 'The server found this page too busy and closed the session.',
  'remote-connection-failed': 'boshd could not reach the XMPP server.',
  'remote-stream-error': 'The XMPP server closed the stream.',
  'see-other-uri': 'The server asks to connect elsewhere.',
  'system-shutdown': 'boshd is shutting down.',
  'undefined-condition': 'The session ended for a reason the server did not name.',

  'conflict': 'The same name signed in somewhere else.',
  'connection-timeout': 'The XMPP server lost patience with this connection.',
  'resource-constraint': 'The server is full at the moment.',

  'no-plain': 'The server does not offer the PLAIN login that this page uses.',
  'login-refused': 'The server refused the login.',
};

export function inWords({ condition, detail }) {
  return WORDS[detail] ?? WORDS[condition] ?? `The session ended: ${condition}.`;
}
