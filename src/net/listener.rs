//! Where connections are accepted: TCP ports, Unix sockets, and whatever systemd has opened for us.

use std::fmt;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, UnixListener};

use super::{Stream, tune};

/// Connections that the kernel keeps for us until they are accepted. After a restart every client comes back at once.
const BACKLOG: i32 = 4096;

/// Of a Unix socket: for the proxy, which is in our group.
const MODE: u32 = 0o660;

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// If we made it.
        _file: Option<SocketFile>,
    },
}

/// May other processes listen on the same port (`SO_REUSEPORT`)?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sharing {
    Alone,
    Shared,
}

impl Listener {
    /// Listens on `address`, and nobody else does; port 0 lets the kernel choose.
    ///
    /// # Errors
    /// The address is taken, not ours, or needs a privilege.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::tcp(address, Sharing::Alone)
    }

    /// Listens on `address`; `[::]` takes IPv4 as well, whatever the system's default.
    ///
    /// # Errors
    /// As [`Self::bind`].
    pub fn tcp(address: SocketAddr, sharing: Sharing) -> io::Result<Self> {
        let socket = if address.is_ipv6() {
            TcpSocket::new_v6()
        } else {
            TcpSocket::new_v4()
        }?;
        if address.is_ipv6() {
            SockRef::from(&socket).set_only_v6(false)?;
        }
        socket.set_reuseaddr(true)?;
        if sharing == Sharing::Shared {
            socket.set_reuseport(true)?;
        }
        socket.bind(address)?;
        Ok(Self {
            inner: Inner::Tcp(socket.listen(BACKLOG.unsigned_abs())?),
        })
    }

    /// Listens on a Unix socket at `path`. A file that a dead process has left there is replaced, and ours goes away with the listener.
    ///
    /// # Errors
    /// Somebody listens there, something else is there, or we may not write there.
    pub fn unix(path: &Path) -> io::Result<Self> {
        let address = SockAddr::unix(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        match socket.bind(&address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                clear(path, &address)?;
                socket.bind(&address)?;
            }
            bound => bound?,
        }
        let file = SocketFile::at(path)?;
        // before anybody can connect
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        socket.listen(BACKLOG)?;
        Ok(Self {
            inner: Inner::Unix {
                listener: UnixListener::from_std(socket.into())?,
                _file: Some(file),
            },
        })
    }

    /// All sockets that systemd has opened for this process.
    ///
    /// # Errors
    /// There is none, or one of another kind.
    pub fn inherited() -> io::Result<Vec<Self>> {
        let mut sockets = ListenFd::from_env();
        if sockets.len() == 0 {
            let text = "systemd has passed no socket to this process: is it started by a .socket unit?";
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        (0..sockets.len()).map(|index| Self::taken(&mut sockets, index)).collect()
    }

    fn taken(sockets: &mut ListenFd, index: usize) -> io::Result<Self> {
        let inner = if let Ok(Some(listener)) = sockets.take_tcp_listener(index) {
            listens(SockRef::from(&listener), index)?;
            Inner::Tcp(TcpListener::from_std(listener)?)
        } else if let Ok(Some(listener)) = sockets.take_unix_listener(index) {
            listens(SockRef::from(&listener), index)?;
            Inner::Unix {
                listener: UnixListener::from_std(listener)?,
                _file: None,
            }
        } else {
            return Err(of_another_kind(index));
        };
        Ok(Self { inner })
    }

    /// The TCP port, with the number that the kernel chose.
    ///
    /// # Errors
    /// It is a Unix socket.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match &self.inner {
            Inner::Tcp(listener) => listener.local_addr(),
            Inner::Unix { .. } => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The next connection, its options set: the stream, and over TCP the other end's address and the one that it came to.
    ///
    /// # Errors
    /// [`super::is_momentary`] tells those of one connection from those of the process.
    pub async fn accept(&self) -> io::Result<(Stream, Option<(SocketAddr, SocketAddr)>)> {
        match &self.inner {
            Inner::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                tune(&stream)?;
                let local = stream.local_addr()?;
                Ok((Stream::Tcp(stream), Some((address, local))))
            }
            Inner::Unix { listener, .. } => Ok((Stream::Unix(listener.accept().await?.0), None)),
        }
    }
}

/// As the configuration writes the place.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Inner::Tcp(listener) => match listener.local_addr() {
                Ok(address) => address.fmt(f),
                Err(_) => f.write_str("tcp"),
            },
            Inner::Unix { listener, .. } => match listener.local_addr() {
                Ok(address) => write!(f, "unix:{}", address.as_pathname().unwrap_or(Path::new("")).display()),
                Err(_) => f.write_str("unix"),
            },
        }
    }
}

/// A connected socket (`Accept=yes`) cannot listen; one that listens already goes on.
fn listens(socket: SockRef<'_>, index: usize) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.listen(BACKLOG).map_err(|_| of_another_kind(index))
}

fn of_another_kind(index: usize) -> io::Error {
    let text = format!(
        "socket {} of those that systemd has passed is not a TCP or Unix socket that listens (ListenStream=, Accept=no)",
        index + 1
    );
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Makes room at `path`, if nobody is there any more.
fn clear(path: &Path, address: &SockAddr) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file which is no socket",
        ));
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(address) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        // a full queue is somebody's, too
        Ok(()) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) => Err(error),
    }
}

/// The file of a Unix socket that we made; it goes away with us, unless somebody has put another there.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(&fs::symlink_metadata(path)?),
        })
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|file| identity(&file) == self.identity) {
            // nobody is left to hear of it, and the next start replaces it
            let _ = fs::remove_file(&self.path);
        }
    }
}
