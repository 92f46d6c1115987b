//! `worker`, with the options of Celery's command line.

use crate::config::Flag;
use clap::Args;

/// Options of `worker`, named as Celery names them.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Queues to take from, separated by commas [default: report,reports]
    #[arg(short = 'q', visible_short_alias = 'Q', long, value_name = "A,B")]
    pub queues: Option<String>,
    /// Tasks at a time, or auto [default: one for each processor]
    #[arg(short, long, value_name = "N")]
    pub concurrency: Option<String>,
    /// Node name; %h is the host name, %n its first label, %d the rest [default: celery@%h]
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
    /// Options of Celery that have no meaning here.
    #[command(flatten)]
    pub ignored: Ignored,
}

/// Options that existing start scripts may hold: taken, and said to be without effect.
#[derive(Debug, Args)]
pub struct Ignored {
    #[arg(short = 'A', long, hide = true)]
    app: Option<String>,
    #[arg(long, hide = true)]
    without_gossip: bool,
    #[arg(long, hide = true)]
    without_mingle: bool,
    #[arg(short = 'O', hide = true)]
    optimization: Option<String>,
    #[arg(short = 'P', long, hide = true)]
    pool: Option<String>,
    #[arg(long, hide = true)]
    prefetch_multiplier: Option<String>,
    #[arg(long, hide = true)]
    time_limit: Option<String>,
    #[arg(long, hide = true)]
    soft_time_limit: Option<String>,
    #[arg(long, hide = true)]
    max_tasks_per_child: Option<String>,
    #[arg(long, hide = true)]
    max_memory_per_child: Option<String>,
    #[arg(long, hide = true)]
    autoscale: Option<String>,
    #[arg(short = 'D', long, hide = true)]
    detach: bool,
    #[arg(short = 'S', long, hide = true)]
    statedb: Option<String>,
    #[arg(short = 'f', long, hide = true)]
    logfile: Option<String>,
    #[arg(long, hide = true)]
    pidfile: Option<String>,
}

impl WorkerArgs {
    /// The settings that the options override.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        let task_events = self.task_events.then(|| "on".to_owned());
        let heartbeat = self.heartbeat_interval.clone().or_else(|| self.without_heartbeat.then(|| "0".to_owned()));
        super::given([
            ("worker.task_events", "--task-events", &task_events),
            ("worker.heartbeat_seconds", "--heartbeat-interval", &heartbeat),
            ("worker.queues", "--queues", &self.queues),
            ("worker.concurrency", "--concurrency", &self.concurrency),
            ("worker.hostname", "--hostname", &self.hostname),
            ("broker.url", "--broker", &self.broker),
        ])
    }
}

impl Ignored {
    /// The options given that have no effect.
    #[must_use]
    pub fn given(&self) -> Vec<&'static str> {
        let options = [
            ("--app", self.app.is_some()),
            ("--without-gossip", self.without_gossip),
            ("--without-mingle", self.without_mingle),
            ("-O", self.optimization.is_some()),
            ("--pool", self.pool.is_some()),
            ("--prefetch-multiplier", self.prefetch_multiplier.is_some()),
            ("--time-limit", self.time_limit.is_some()),
            ("--soft-time-limit", self.soft_time_limit.is_some()),
            ("--max-tasks-per-child", self.max_tasks_per_child.is_some()),
            ("--max-memory-per-child", self.max_memory_per_child.is_some()),
            ("--autoscale", self.autoscale.is_some()),
            ("--detach", self.detach),
            ("--statedb", self.statedb.is_some()),
            ("--logfile", self.logfile.is_some()),
            ("--pidfile", self.pidfile.is_some()),
        ];
        options.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::{Cli, Command};
    use clap::Parser;

    #[test]
    fn a_celery_command_line_is_understood() {
        let line = "x worker -A maestro -Q report -l WARNING -E -O fair -P threads --without-gossip --without-mingle";
        let Command::Worker(args) = Cli::try_parse_from(line.split(' ')).unwrap().command else { panic!() };
        assert_eq!(args.queues.as_deref(), Some("report"));
        let flags: Vec<_> = args.flags().into_iter().map(|flag| (flag.key, flag.value)).collect();
        assert!(flags.contains(&("worker.task_events", "on".to_owned())), "{flags:?}");
        assert_eq!(args.ignored.given(), ["--app", "--without-gossip", "--without-mingle", "-O", "--pool"]);
    }
}
