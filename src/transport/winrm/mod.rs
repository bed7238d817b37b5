//! The road over WinRM: WS-Management shells of Windows ([MS-WSMV]), over HTTP with sealed bodies or
//! over HTTPS.

mod auth;
mod binding;
mod reply;
mod seal;
mod shell;
mod soap;
mod wire;
