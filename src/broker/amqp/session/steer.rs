//! A consumer that takes otherwise while it is at work, and what waits for its time in it.

use super::Traffic;
use crate::broker::amqp::link;
use crate::broker::{Change, MAX_POSTPONED, Postponed};
use amiquip::Error;

impl Traffic<'_> {
    /// What waits for its time, the first ones.
    pub(super) fn postponed(&self) -> Vec<Postponed> {
        let postponed = self.waiting.iter().take(MAX_POSTPONED).map(|(_, delivery)| Postponed {
            due: delivery.message.eta().unwrap_or_default(),
            queue: delivery.queue.clone(),
            message: delivery.message.clone(),
        });
        postponed.collect()
    }

    /// Takes otherwise from now on; where the connection is lost meanwhile, over the next one. What has come from a queue
    /// that is taken from no more is still worked on.
    pub(super) fn change(&mut self, change: Change) -> Result<(), Error> {
        let is_open = self.desk.deliveries.is_some();
        self.plan.change(change.clone());
        match change {
            Change::Prefetch(_) => Ok(()),
            Change::Add(queue) => {
                if !is_open || self.consumers.iter().any(|(name, _)| *name == queue) {
                    return Ok(());
                }
                link::try_declare(self.channel, &queue, self.max_priority)?;
                self.consume(queue)
            }
            Change::Remove(queue) => {
                let Some(at) = self.consumers.iter().position(|(name, _)| *name == queue) else { return Ok(()) };
                let (_, consumer) = self.consumers.remove(at);
                self.cancel(&consumer)
            }
        }
    }
}
