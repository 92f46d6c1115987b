//! `worker`, with the options of Celery's command line.

use crate::config::Flag;
use clap::Args;

/// Options of `worker`, named as Celery names them.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Queues to take from, separated by commas [default: report,reports]
    #[arg(short = 'q', visible_short_alias = 'Q', long, value_name = "A,B")]
    pub queues: Option<String>,
    /// Queues to leave out of these
    #[arg(short = 'X', long, value_name = "A,B", value_delimiter = ',')]
    pub exclude_queues: Vec<String>,
    /// Tasks at a time, or auto [default: one for each processor]
    #[arg(short, long, value_name = "N")]
    pub concurrency: Option<String>,
    /// Most and fewest tasks at a time, between which the worker goes up and down with its work
    #[arg(long, value_name = "MAX,MIN")]
    pub autoscale: Option<String>,
    /// Messages to have for each task at a time, those that run included; 0: as many as there are [default: 1]
    #[arg(long, value_name = "N")]
    pub prefetch_multiplier: Option<String>,
    /// Seconds that a task may run before it ends in an error [default: as long as it takes]
    #[arg(long, value_name = "SECONDS")]
    pub time_limit: Option<String>,
    /// The same; the shorter of the two counts
    #[arg(long, value_name = "SECONDS")]
    pub soft_time_limit: Option<String>,
    /// Node name; %h is the host name, %n its first label, %d the rest, %i 0, %% a percent sign [default: maestro@%h]
    #[arg(short = 'n', long, value_name = "NAME")]
    pub hostname: Option<String>,
    /// Broker, amqp://…
    #[arg(short, long, value_name = "URL")]
    pub broker: Option<String>,
    /// Tell of tasks from the start; Flower and `enable_events` turn it on later too
    #[arg(short = 'E', long, visible_alias = "events")]
    pub task_events: bool,
    /// Seconds between signs of life [default: 2]
    #[arg(long, value_name = "SECONDS")]
    pub heartbeat_interval: Option<String>,
    /// Give no signs of life
    #[arg(long, conflicts_with = "heartbeat_interval")]
    pub without_heartbeat: bool,
    /// Do not ask the other workers at the start which tasks were revoked
    #[arg(long)]
    pub without_mingle: bool,
    /// Drop what waits in the queues before the first task is taken
    #[arg(long, visible_alias = "discard")]
    pub purge: bool,
    /// Request the reports of schedules too, as `beat` does
    #[arg(short = 'B', long)]
    pub beat: bool,
    /// Write the log to the end of this file; %n is the node's name before the @, %h behind it, %p all of it
    #[arg(short = 'f', long, value_name = "FILE")]
    pub logfile: Option<String>,
    /// Write the process id to this file and remove it at the end; the same marks
    #[arg(long, value_name = "FILE")]
    pub pidfile: Option<String>,
    /// Options of Celery that have no meaning here.
    #[command(flatten)]
    pub ignored: Ignored,
}

/// Options that existing start scripts may hold: taken, and said to be without effect.
#[derive(Debug, Args)]
pub struct Ignored {
    #[arg(short = 'A', long, hide = true)]
    app: Option<String>,
    /// There is no gossip that could be left out.
    #[arg(long, hide = true)]
    without_gossip: bool,
    #[arg(short = 'O', hide = true)]
    optimization: Option<String>,
    #[arg(short = 'P', long, hide = true)]
    pool: Option<String>,
    #[arg(long, hide = true)]
    max_tasks_per_child: Option<String>,
    #[arg(long, hide = true)]
    max_memory_per_child: Option<String>,
    #[arg(short = 'D', long, hide = true)]
    detach: bool,
    #[arg(short = 'S', long, hide = true)]
    statedb: Option<String>,
    #[arg(short = 's', long, hide = true, visible_alias = "schedule-filename")]
    schedule: Option<String>,
}

/// Queues are left out, and none is left.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("--exclude-queues: expected to leave one of the queues {0}")]
pub struct NoQueue(String);

impl WorkerArgs {
    /// The settings that the options override.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        let set = |is_given: bool, value: &str| is_given.then(|| value.to_owned());
        let heartbeat = self.heartbeat_interval.clone().or_else(|| set(self.without_heartbeat, "0"));
        super::given([
            ("worker.task_events", "--task-events", &set(self.task_events, "on")),
            ("worker.heartbeat_seconds", "--heartbeat-interval", &heartbeat),
            ("worker.mingle", "--without-mingle", &set(self.without_mingle, "off")),
            ("worker.queues", "--queues", &self.queues),
            ("worker.concurrency", "--concurrency", &self.concurrency),
            ("worker.autoscale", "--autoscale", &self.autoscale),
            ("worker.prefetch_multiplier", "--prefetch-multiplier", &self.prefetch_multiplier),
            ("worker.time_limit_seconds", "--time-limit", &self.time_limit),
            ("worker.soft_time_limit_seconds", "--soft-time-limit", &self.soft_time_limit),
            ("worker.hostname", "--hostname", &self.hostname),
            ("broker.url", "--broker", &self.broker),
        ])
    }

    /// Those of `queues` that are not to be left out.
    ///
    /// # Errors
    /// Where none is left.
    pub fn remaining(&self, queues: Vec<String>) -> Result<Vec<String>, NoQueue> {
        let all = queues.join(", ");
        let left: Vec<_> = queues.into_iter().filter(|queue| !self.exclude_queues.contains(queue)).collect();
        if left.is_empty() { Err(NoQueue(all)) } else { Ok(left) }
    }
}

impl Ignored {
    /// The options given that have no effect.
    #[must_use]
    pub fn given(&self) -> Vec<&'static str> {
        let options = [
            ("--app", self.app.is_some()),
            ("-O", self.optimization.is_some()),
            ("--pool", self.pool.is_some()),
            ("--max-tasks-per-child", self.max_tasks_per_child.is_some()),
            ("--max-memory-per-child", self.max_memory_per_child.is_some()),
            ("--detach", self.detach),
            ("--statedb", self.statedb.is_some()),
            ("--schedule", self.schedule.is_some()),
        ];
        options.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn worker(line: &str) -> Box<WorkerArgs> {
        let Command::Worker(args) = Cli::try_parse_from(line.split(' ')).unwrap().command else { panic!() };
        args
    }

    #[test]
    fn a_celery_command_line_is_understood() {
        let args = worker(
            "x worker -A maestro -Q report -l WARNING -E -O fair -P threads --without-gossip --without-mingle -D -B \
             --autoscale 10,3 --prefetch-multiplier 4 --time-limit 300 --soft-time-limit 60 -S db -s beat.db \
             --max-tasks-per-child 10 --pidfile /run/%n.pid -f %p.log --purge -X a,b",
        );
        assert_eq!(args.queues.as_deref(), Some("report"));
        let flags: Vec<_> = args.flags().into_iter().map(|flag| (flag.key, flag.value)).collect();
        for (key, value) in [("worker.task_events", "on"), ("worker.mingle", "off"), ("worker.autoscale", "10,3")] {
            assert!(flags.contains(&(key, value.to_owned())), "{flags:?}");
        }
        let ignored = ["--app", "-O", "--pool", "--max-tasks-per-child", "--detach", "--statedb", "--schedule"];
        assert_eq!(args.ignored.given(), ignored);
    }

    #[test]
    fn queues_are_left_out() {
        let queues = || vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(worker("x worker -X b,c").remaining(queues()), Ok(vec!["a".to_owned()]));
        assert_eq!(worker("x worker -X a,b").remaining(queues()), Err(NoQueue("a, b".to_owned())));
        assert_eq!(worker("x worker").remaining(queues()), Ok(queues()));
    }
}
