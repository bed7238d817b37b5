//! Network namespaces of sockets, at the end of the moment. A snapshot without any, and without what
//! follows them, has no such tables, so its page is what it was before there were namespaces, and old
//! pages read as that.

use std::sync::Arc;

use crate::model::record::Sourced;
use crate::model::socket::{Namespace, Runtime, Socket};
use crate::store::blob::codes::Code;
use crate::store::blob::column::Malformed;
use crate::store::blob::reader::Reader;
use crate::store::blob::socket::Distinct;
use crate::store::blob::writer::Writer;

type Sockets = Vec<Sourced<Socket<'static>>>;

/// Writes the distinct namespaces, and for each socket in one its place and the namespace's.
/// `followed`: other tables stand behind these, so they are written even if they are empty.
pub(super) fn put<'a>(
    page: &mut Writer<'a>,
    sockets: &'a [Sourced<Socket<'static>>],
    followed: bool,
) {
    let mut distinct = Distinct::new();
    let places: Vec<(u64, u64)> = (0..)
        .zip(sockets)
        .filter_map(|(at, socket)| {
            let namespace = socket.record.namespace.as_deref()?;
            Some((at, distinct.place(namespace)))
        })
        .collect();
    if places.is_empty() && !followed {
        return;
    }
    page.table(distinct.in_order(), |row, namespace: &'a Namespace| {
        row.number(namespace.inode);
        row.text(namespace.name.bytes());
        row.optional(namespace.runtime.map(Code::code));
    });
    page.table(places, |row, (socket, namespace)| {
        row.number(socket);
        row.number(namespace);
    });
}

/// Reads what [`put`] wrote, if anything, and puts it into the sockets.
pub(super) fn get(page: &mut Reader<'_>, mut sockets: Sockets) -> Result<Sockets, Malformed> {
    if page.is_at_end() {
        return Ok(sockets);
    }
    let namespaces = page.table(|row| {
        let (inode, name) = (row.number()?, row.text()?);
        let runtime = row.optional()?.map(Runtime::of).transpose()?;
        Ok(Arc::new(Namespace { inode, name, runtime }))
    })?;
    for (socket, namespace) in page.table(|row| Ok((row.number()?, row.number()?)))? {
        let socket = usize::try_from(socket).ok().and_then(|at| sockets.get_mut(at));
        let namespace = usize::try_from(namespace).ok().and_then(|at| namespaces.get(at));
        let (Some(socket), Some(namespace)) = (socket, namespace) else {
            return Err(Malformed("a namespace or its socket is missing"));
        };
        socket.record.namespace = Some(Arc::clone(namespace));
    }
    Ok(sockets)
}
