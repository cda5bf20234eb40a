//! What all seeds of one controller come to: on average, and at worst.

use tidegate_simulator::report::{Quantiles, Served, Step};
use tidegate_simulator::{Replay, Run};

use super::groups::Group;

/// The runs of one controller, one for each seed.
#[derive(Debug)]
pub(crate) struct Runs<'r> {
    pub(crate) controller: &'r str,
    runs: Vec<&'r Run>,
}

/// Figures of one run, or of several together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figures {
    pub(crate) goodput: f64,
    pub(crate) refused_per_1000: f64,
    pub(crate) failed: f64,
    pub(crate) admitted: f64,
    /// Requests that were neither admitted nor given up when the trace was over.
    pub(crate) waiting: f64,
    pub(crate) excess: f64,
    pub(crate) offered_excess: f64,
    pub(crate) decisions_per_s: f64,
    /// Of several clients, how fair a minute was.
    pub(crate) jain: Option<f64>,
}

impl<'r> Runs<'r> {
    /// The runs of each controller, in the order in which they ran.
    pub(crate) fn of_each(replay: &'r Replay) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for run in &replay.runs {
            match all.iter_mut().find(|runs| runs.controller == run.controller) {
                Some(runs) => runs.runs.push(run),
                None => all.push(Self { controller: &run.controller, runs: vec![run] }),
            }
        }
        all
    }

    /// How many seeds ran.
    pub(crate) fn seeds(&self) -> usize {
        self.runs.len()
    }

    /// The mean over all seeds.
    pub(crate) fn mean(&self) -> Figures {
        self.figures(mean, mean)
    }

    /// The worst of each figure, whichever seed it is from.
    pub(crate) fn worst(&self) -> Figures {
        self.figures(least, most)
    }

    /// How long calls of a group waited: the mean of the seeds' quantiles.
    pub(crate) fn mean_wait(&self, group: Group<'_>) -> Option<Quantiles> {
        self.wait(group, mean)
    }

    /// How long calls of a group waited: the largest of the seeds' quantiles.
    pub(crate) fn worst_wait(&self, group: Group<'_>) -> Option<Quantiles> {
        self.wait(group, most)
    }

    /// How many calls of a group came, on average.
    pub(crate) fn mean_requests(&self, group: Group<'_>) -> Option<f64> {
        self.served(group, |served| float(served.requests), mean)
    }

    /// The share of a group's calls that was admitted, on average.
    pub(crate) fn mean_admitted(&self, group: Group<'_>) -> Option<f64> {
        self.served(group, share, mean)
    }

    /// The least share of a group's calls that was admitted.
    pub(crate) fn worst_admitted(&self, group: Group<'_>) -> Option<f64> {
        self.served(group, share, least)
    }

    /// How a change of the limit was met, on average; refusals are rounded to whole ones.
    pub(crate) fn mean_step(&self, place: usize) -> Option<Step> {
        let steps: Vec<&Step> = self.runs.iter().filter_map(|run| run.steps.get(place)).collect();
        let of = |value: fn(&Step) -> f64| {
            mean(&steps.iter().map(|step| value(step)).collect::<Vec<f64>>())
        };
        let count = u64::try_from(steps.len()).ok().filter(|count| *count > 0)?;
        Some(Step {
            at_s: of(|step| step.at_s),
            lost_s: of(|step| step.lost_s),
            reached_s: of(|step| step.reached_s),
            converged_s: of(|step| step.converged_s),
            refused: (steps.iter().map(|step| step.refused).sum::<u64>() + count / 2) / count,
        })
    }

    /// The figures, put together by `better` where more is better and by `worse` where it is worse.
    fn figures(&self, better: fn(&[f64]) -> f64, worse: fn(&[f64]) -> f64) -> Figures {
        let of = |value: fn(&Run) -> f64| -> Vec<f64> {
            self.runs.iter().map(|run| value(run)).collect()
        };
        let indices: Vec<f64> = self.runs.iter().filter_map(|run| run.jain_60s).collect();
        Figures {
            goodput: better(&of(|run| run.goodput)),
            refused_per_1000: worse(&of(|run| run.refused_per_1000)),
            failed: worse(&of(|run| float(run.failed))),
            admitted: better(&of(|run| float(run.admitted))),
            waiting: worse(&of(|run| float(run.waiting))),
            excess: worse(&of(|run| float(run.excess))),
            offered_excess: worse(&of(|run| float(run.offered_excess))),
            decisions_per_s: better(&of(|run| float(run.decisions_per_s))),
            jain: (!indices.is_empty()).then(|| better(&indices)),
        }
    }

    fn served(
        &self,
        group: Group<'_>,
        value: fn(&Served) -> f64,
        of: fn(&[f64]) -> f64,
    ) -> Option<f64> {
        let served = self.runs.iter().filter_map(|run| group.served(run));
        let values: Vec<f64> = served.map(|served| value(&served)).collect();
        (!values.is_empty()).then(|| of(&values))
    }

    fn wait(&self, group: Group<'_>, of: fn(&[f64]) -> f64) -> Option<Quantiles> {
        let waits: Vec<Quantiles> = self.runs.iter().filter_map(|run| group.wait(run)).collect();
        let quantile =
            |value: fn(&Quantiles) -> f64| -> Vec<f64> { waits.iter().map(value).collect() };
        (!waits.is_empty())
            .then(|| Quantiles { p50: of(&quantile(|w| w.p50)), p99: of(&quantile(|w| w.p99)) })
    }
}

/// The share that was admitted of what came.
pub(crate) fn share(served: &Served) -> f64 {
    float(served.admitted) / float(served.requests.max(1))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.iter().map(|_| 1.0).sum::<f64>()
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The nearest float; exact up to 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "the loss is the promise of this function"
)]
fn float(whole: u64) -> f64 {
    whole as f64
}
