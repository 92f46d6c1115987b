//! Answers written piece by piece while they are made, with a few pieces under way at most.

use super::error::InventoryError;
use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::stream;
use std::io::{self, Write};
use tokio::sync::mpsc;

/// Bytes of one piece.
const PIECE_BYTES: usize = 1 << 16;
/// Pieces made and not yet sent.
const PIECES: usize = 4;

/// Where the answer is written.
pub(super) struct Sink {
    piece: Vec<u8>,
    pieces: mpsc::Sender<Result<Bytes, InventoryError>>,
}

/// Answers with what `produce` writes, on a thread of its own. A failure on the way breaks the answer off, so that the
/// client sees it is not whole; a client that goes away stops `produce`.
pub(super) fn json(produce: impl FnOnce(&mut Sink) -> Result<(), InventoryError> + Send + 'static) -> HttpResponse {
    let (sender, mut receiver) = mpsc::channel(PIECES);
    // The thread's end is seen by the end of its pieces.
    drop(actix_web::rt::task::spawn_blocking(move || {
        let mut sink = Sink { piece: Vec::with_capacity(PIECE_BYTES), pieces: sender };
        let sent = |sink: &mut Sink| sink.flush().map_err(InventoryError::io("the answer was not sent"));
        let result = produce(&mut sink).and_then(|()| sent(&mut sink));
        if let Err(error) = result
            && !sink.pieces.is_closed()
        {
            log::error!("inventory: an answer was broken off: {}", error.full());
            // The client may have gone since; nobody is left to tell then.
            drop(sink.pieces.blocking_send(Err(error)));
        }
    }));
    HttpResponse::Ok()
        .content_type("application/json")
        .streaming(stream::poll_fn(move |context| receiver.poll_recv(context)))
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.pieces.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
