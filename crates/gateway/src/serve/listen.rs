//! The sockets that the program listens on, and the servers behind them.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;

use actix_web::dev::{Server as HttpServer, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer as Builder};

use crate::arguments::ServeArguments;
use crate::exit::Failure;
use crate::serve::guard::{self, Door};
use crate::serve::host::Hosts;
use crate::serve::routes;
use crate::serve::state::Server;

/// Threads per listener. What they do is asking the limiters and writing JSON.
const WORKERS: usize = 2;
/// The most connections per worker.
const CONNECTIONS_MAX: usize = 256;
/// How long a client may take to send the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection may be idle.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long connections are waited for at the end, in seconds.
const STOP_WITHIN_S: u64 = 3;

/// Sockets that are bound: whoever connects waits until they are served.
#[derive(Debug)]
pub(super) struct Listeners {
    listen: TcpListener,
    admin: Option<TcpListener>,
}

/// What serves them, and where.
pub(super) struct Running {
    pub(super) servers: Vec<HttpServer>,
    pub(super) handles: Vec<ServerHandle>,
    pub(super) listen: SocketAddr,
    pub(super) admin: Option<SocketAddr>,
}

impl Listeners {
    /// Binds the addresses, each `HOST:PORT`; port 0 takes one that is free.
    ///
    /// # Errors
    ///
    /// [`Failure::Refused`] for a text that is no address, [`Failure::Failed`] for one that cannot be had.
    pub(super) fn bind(listen: &str, admin: Option<&str>) -> Result<Self, Failure> {
        let admin = admin.map(|admin| bind("--admin", admin)).transpose()?;
        Ok(Self { listen: bind("--listen", listen)?, admin })
    }

    /// Starts a server for each. Where there are two, changes are taken at the second only.
    pub(super) fn serve(
        self,
        server: &Data<Server>,
        arguments: &ServeArguments,
    ) -> Result<Running, Failure> {
        let failed = |error: io::Error| Failure::failed(format!("cannot listen: {error}"));
        let address = |listener: &TcpListener| listener.local_addr().map_err(failed);
        let (listen, admin) =
            (address(&self.listen)?, self.admin.as_ref().map(address).transpose()?);
        let mut servers =
            vec![start(self.listen, server, (&arguments.listen, admin.is_none())).map_err(failed)?];
        if let (Some(listener), Some(text)) = (self.admin, &arguments.admin) {
            servers.push(start(listener, server, (text, true)).map_err(failed)?);
        }
        let handles = servers.iter().map(HttpServer::handle).collect();
        Ok(Running { servers, handles, listen, admin })
    }
}

fn bind(option: &str, text: &str) -> Result<TcpListener, Failure> {
    let shown: String = text.chars().take(80).collect::<String>().escape_debug().to_string();
    let addresses = text.to_socket_addrs().map_err(|error| {
        let fault = format!("{option} `{shown}`: {error}: use HOST:PORT, such as 127.0.0.1:8787");
        Failure::Refused(vec![fault])
    })?;
    let addresses: Vec<SocketAddr> = addresses.collect();
    TcpListener::bind(&addresses[..]).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                ": stop what listens there, or use another port; 0 takes a free one"
            }
            _ => "",
        };
        Failure::failed(format!("cannot listen on {shown}: {error}{hint}"))
    })
}

fn start(
    listener: TcpListener,
    server: &Data<Server>,
    (text, changes): (&str, bool),
) -> io::Result<HttpServer> {
    let server = server.clone();
    let door = Data::new(Door { hosts: Hosts::of(listener.local_addr()?, text), changes });
    let app = move || {
        App::new()
            .app_data(server.clone())
            .app_data(door.clone())
            .wrap(from_fn(guard::guard))
            .configure(routes::configure)
            .default_service(actix_web::web::to(routes::not_found))
    };
    let builder = Builder::new(app)
        .workers(WORKERS)
        .worker_max_blocking_threads(1)
        .max_connections(CONNECTIONS_MAX)
        .client_request_timeout(HEAD_WITHIN)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(STOP_WITHIN_S)
        .disable_signals();
    Ok(builder.listen(listener)?.run())
}
