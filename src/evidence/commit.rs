//! Group commit: makes written files safe from a power cut, many at a time.
//!
//! What comes in: files written by parallel tasks under temporary names. What goes out: one
//! acknowledgement per file, given only when its bytes are synced, its name is final and the
//! folder is synced. One thread takes whatever waits as a batch, so that the folder is synced once
//! for many files. An error of one file is that file's alone.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;

use super::folder::{RunFolder, temporary};
use super::write::{Description, Temporary, WriteError, Written};

/// Most files of a batch. Measured gain is small beyond: the folder's sync is then a minor part.
const BATCH_MAX: usize = 64;

/// Files that may wait. Each holds an open descriptor, so the queue is bounded.
const QUEUE_MAX: usize = 128;

/// Called once, on the commit thread, with what came of a file. Must not block.
pub type Acknowledge = Box<dyn FnOnce(Result<Description, WriteError>) + Send>;

type Job = (Written, Acknowledge);

/// The commit thread of a run. Dropped, it finishes what waits and ends.
#[derive(Debug)]
pub struct Committer {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system allows no further thread.
    pub fn start() -> std::io::Result<Self> {
        let (queue, waiting) = sync_channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("evidence-commit".to_owned())
            .spawn(move || serve(&waiting))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Hands over a file. Blocks while too many wait, so an async caller does this where it
    /// wrote the file: on a blocking thread. `acknowledge` is called in any case.
    pub fn submit(&self, written: Written, acknowledge: Acknowledge) {
        let unsent = match &self.queue {
            Some(queue) => queue.send((written, acknowledge)).err().map(|unsent| unsent.0),
            None => Some((written, acknowledge)),
        };
        if let Some((written, acknowledge)) = unsent {
            acknowledge(Err(WriteError::Stopped(written.description().name.clone())));
        }
    }

    /// Commits a file and waits for it.
    ///
    /// # Errors
    /// When the file was not written; nothing of it is visible then.
    pub fn commit(&self, written: Written) -> Result<Description, WriteError> {
        let name = written.description().name.clone();
        let (answer, waiting) = sync_channel(1);
        let acknowledge = move |result| {
            // Fails only when the waiting side is gone, and then nobody wants to know.
            let _ = answer.send(result);
        };
        self.submit(written, Box::new(acknowledge));
        waiting.recv().unwrap_or(Err(WriteError::Stopped(name)))
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // The thread's panic, a defect, was reported when it happened; each file it still
            // had is under a temporary name and unacknowledged.
            let _ = thread.join();
        }
    }
}

fn serve(waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter().take(BATCH_MAX - 1));
        commit_batch(batch);
    }
}

/// A file that has its final name, not yet synced with its folder.
struct Renamed {
    file: Temporary,
    description: Description,
    acknowledge: Acknowledge,
}

fn commit_batch(batch: Vec<Job>) {
    let mut renamed = Vec::with_capacity(batch.len());
    let mut synced = Vec::with_capacity(batch.len());
    for (written, acknowledge) in batch {
        let (file, description) = written.into_parts();
        match sync(&file) {
            Ok(()) => synced.push(Renamed { file, description, acknowledge }),
            Err(error) => refuse(file, error, acknowledge),
        }
    }
    for mut job in synced {
        match rename(&mut job.file) {
            Ok(()) => renamed.push(job),
            Err(error) => refuse(job.file, error, job.acknowledge),
        }
    }
    let mut folders: Vec<(Arc<RunFolder>, Result<(), Errno>)> = Vec::new();
    for Renamed { file, description, acknowledge } in renamed {
        let result = sync_folder(&mut folders, &file);
        match result {
            Ok(()) => acknowledge(Ok(description)),
            Err(error) => {
                // Lost on failure: a whole, unacknowledged file stays; the message says what to do.
                let _ = rustix::fs::unlinkat(file.folder(), file.name(), AtFlags::empty());
                refuse(file, error, acknowledge);
            }
        }
    }
}

/// The temporary file is gone before anybody is told.
fn refuse(file: Temporary, error: WriteError, acknowledge: Acknowledge) {
    drop(file);
    acknowledge(Err(error));
}

/// Syncs a file. Never retried: after a failure the kernel may have dropped the pages and would
/// report success for bytes that are not there.
pub(super) fn sync(file: &Temporary) -> Result<(), WriteError> {
    rustix::fs::fsync(file.file()).map_err(file.failed("sync it"))
}

/// Gives a file its final name, never replacing another.
pub(super) fn rename(file: &mut Temporary) -> Result<(), WriteError> {
    let folder = Arc::clone(file.folder());
    let (from, to) = (temporary(file.name()), file.name().to_owned());
    let renamed = rustix::fs::renameat_with(&folder, &from, &folder, &to, RenameFlags::NOREPLACE);
    match renamed {
        Ok(()) => {
            file.renamed();
            Ok(())
        }
        Err(Errno::EXIST) => Err(WriteError::Exists(to)),
        // NFS and some others know no such flag; a link never replaces either.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            match rustix::fs::linkat(&folder, &from, &folder, &to, AtFlags::empty()) {
                // Dropping the temporary file removes the other name.
                Ok(()) => Ok(()),
                Err(Errno::EXIST) => Err(WriteError::Exists(to)),
                Err(errno) => Err(file.failed("give it its name")(errno)),
            }
        }
        Err(errno) => Err(file.failed("give it its name")(errno)),
    }
}

/// Syncs the folder of a file, once for all files of a batch.
fn sync_folder(
    folders: &mut Vec<(Arc<RunFolder>, Result<(), Errno>)>,
    file: &Temporary,
) -> Result<(), WriteError> {
    let failed = file.failed("sync its folder");
    if let Some((_, known)) = folders.iter().find(|(folder, _)| Arc::ptr_eq(folder, file.folder()))
    {
        return known.map_err(failed);
    }
    let result = rustix::fs::fsync(file.folder());
    folders.push((Arc::clone(file.folder()), result));
    result.map_err(failed)
}

/// Commits one file on the calling thread.
pub(super) fn commit_alone(mut file: Temporary) -> Result<(), WriteError> {
    sync(&file)?;
    rename(&mut file)?;
    rustix::fs::fsync(file.folder()).map_err(file.failed("sync its folder"))
}
