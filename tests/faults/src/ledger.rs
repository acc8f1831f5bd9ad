//! Everything that was asked, and what must be true of it after a restart.

use crate::client::Client;
use crate::gateway::Gateway;
use crate::receiver::Receiver;
use crate::story::{Plot, Story, Went};
use std::collections::HashMap;
use std::sync::Arc;

/// Connections that look at once.
const LOOKERS: usize = 16;

/// What kind of promise is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Answered with success, and not there.
    Lost,
    /// Refused when it was asked again after the restart.
    Refused,
    /// The same key got another answer.
    Otherwise,
    /// Rows that no request explains, or too few of them.
    Books,
    /// A notice that did not come, came under two ids or with two bodies, or came before what it tells.
    Notice,
    /// A statement that was imported and was not.
    Import,
}

/// A broken promise.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Which kind.
    pub kind: Kind,
    /// The story it is about, if it is about one.
    pub story: Option<u64>,
    /// In words.
    pub text: String,
}

impl Finding {
    /// One about a story.
    pub fn about(kind: Kind, story: u64, text: String) -> Self {
        Self { kind, story: Some(story), text }
    }
}

/// What is done to every story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    Finish,
    Look,
    Repeat,
}

/// Everything that was asked of one database.
#[derive(Default)]
pub struct Ledger {
    /// The stories.
    pub stories: Vec<Story>,
}

impl Ledger {
    /// Successes that were answered.
    pub fn answered(&self) -> usize {
        self.stories.iter().map(|story| story.done.len()).sum()
    }

    /// Asks everything again that was not answered, under the same keys.
    pub async fn finish(&mut self, gateway: &Arc<Gateway>, address: &str) -> Result<Vec<Finding>, String> {
        let (ready, open): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.stories).into_iter().partition(|story| story.next().is_none());
        self.stories = ready;
        let (open, findings) = spread(Job::Finish, open, gateway, address).await?;
        self.stories.extend(open);
        Ok(findings)
    }

    /// Reads back the stories from a place on.
    pub async fn look(&self, from: usize, gateway: &Arc<Gateway>, address: &str) -> Result<Vec<Finding>, String> {
        Ok(spread(Job::Look, self.stories[from..].to_vec(), gateway, address).await?.1)
    }

    /// Repeats the requests with keys of the stories from a place on.
    pub async fn repeat(&self, from: usize, gateway: &Arc<Gateway>, address: &str) -> Result<Vec<Finding>, String> {
        Ok(spread(Job::Repeat, self.stories[from..].to_vec(), gateway, address).await?.1)
    }

    /// Compares the database's rows with the stories, all of which are finished: one effect each, with its event.
    pub async fn check_books(&self, gateway: &Gateway) -> Result<Vec<Finding>, String> {
        let mut findings = Vec::new();
        let count = |wanted: fn(Plot) -> usize| self.stories.iter().map(|story| wanted(story.plot)).sum::<usize>();
        let events = |plot: Plot| usize::from(plot.is_paid() || plot == Plot::Cancelled);
        for (table, wanted) in [
            ("sessions", count(|plot| usize::from(plot.has_session()))),
            ("charges", count(|plot| usize::from(plot.has_charge()))),
            ("transfers", count(|plot| usize::from(plot.is_paid()))),
            ("events", count(events)),
            ("deliveries", count(events)),
            ("idempotency_keys", count(|plot| plot.steps().iter().filter(|step| step.is_keyed()).count())),
        ] {
            let found = gateway.query(&format!("SELECT COUNT(*) FROM {table}")).await?;
            let found = found.first().and_then(|row| row.first()).cloned().unwrap_or_default();
            if found != wanted.to_string() {
                let text = format!("{table} has {found} rows instead of {wanted}");
                findings.push(Finding { kind: Kind::Books, story: None, text });
            }
        }
        let transfers = per_charge(gateway, "transfers").await?;
        let told = per_charge(gateway, "events").await?;
        for story in self.stories.iter().filter(|story| story.plot.has_charge()) {
            let of = |counts: &HashMap<String, usize>| counts.get(&story.charge).copied().unwrap_or(0);
            let found = (of(&transfers), of(&told));
            let wanted = (usize::from(story.plot.is_paid()), events(story.plot));
            if found != wanted {
                let text = format!("story {}: (transfers, events) are {found:?} instead of {wanted:?}", story.number);
                findings.push(Finding::about(Kind::Books, story.number, text));
            }
        }
        Ok(findings)
    }

    /// Charges whose notices the receiver must have heard, with the status in them.
    pub fn noticed(&self) -> impl Iterator<Item = (&Story, &'static str)> {
        self.stories.iter().filter_map(|story| match story.plot {
            Plot::Checkout | Plot::Paid | Plot::Imported => Some((story, "completed")),
            Plot::Cancelled => Some((story, "cancelled")),
            Plot::Session | Plot::Left | Plot::Charge => None,
        })
    }

    /// Compares what the receiver heard with the stories.
    pub fn check_notices(&self, receiver: &Receiver) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (story, status) in self.noticed() {
            if let Some(fault) = receiver.fault(&story.charge, status) {
                findings.push(Finding::about(Kind::Notice, story.number, format!("story {}: {fault}", story.number)));
            }
        }
        for charge in receiver.early() {
            let story = self.stories.iter().find(|story| story.charge == charge).map(|story| story.number);
            let text = format!("charge {charge} was told of before it was so");
            findings.push(Finding { kind: Kind::Notice, story, text });
        }
        findings
    }
}

async fn per_charge(gateway: &Gateway, table: &str) -> Result<HashMap<String, usize>, String> {
    let text = format!("SELECT charge_id, COUNT(*) FROM {table} WHERE charge_id IS NOT NULL GROUP BY charge_id");
    let rows = gateway.query(&text).await?;
    Ok(rows.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap_or(0))).collect())
}

/// Does a job for all stories over several connections.
async fn spread(
    job: Job,
    mut stories: Vec<Story>,
    gateway: &Arc<Gateway>,
    address: &str,
) -> Result<(Vec<Story>, Vec<Finding>), String> {
    let share = stories.len().div_ceil(LOOKERS).max(1);
    let mut tasks = tokio::task::JoinSet::new();
    while !stories.is_empty() {
        let share = stories.split_off(stories.len().saturating_sub(share));
        let (gateway, address) = (Arc::clone(gateway), address.to_owned());
        tasks.spawn(async move { work(job, share, &gateway, &address).await });
    }
    let (mut done, mut findings) = (Vec::new(), Vec::new());
    while let Some(worked) = tasks.join_next().await {
        let (stories, found) = worked.map_err(|error| error.to_string())??;
        done.extend(stories);
        findings.extend(found);
    }
    Ok((done, findings))
}

async fn work(
    job: Job,
    mut stories: Vec<Story>,
    gateway: &Gateway,
    address: &str,
) -> Result<(Vec<Story>, Vec<Finding>), String> {
    let mut client = Client::connect(address).await.ok_or("no connection after the restart")?;
    let mut findings = Vec::new();
    for story in &mut stories {
        let silent = || format!("story {} was not answered after the restart", story.number);
        let (kind, texts) = match job {
            Job::Look => (Kind::Lost, story.lost(&mut client, &gateway.by).await.ok_or_else(silent)?),
            Job::Repeat => (Kind::Otherwise, story.answered_otherwise(&mut client, gateway).await.ok_or_else(silent)?),
            Job::Finish => (Kind::Refused, finish(story, &mut client, gateway).await?),
        };
        findings.extend(texts.into_iter().map(|text| Finding::about(kind, story.number, text)));
    }
    Ok((stories, findings))
}

async fn finish(story: &mut Story, client: &mut Client, gateway: &Gateway) -> Result<Vec<String>, String> {
    while let Some(step) = story.next() {
        match story.go_on(client, gateway).await {
            Went::Done => {}
            Went::Refused(answer) => {
                let said =
                    format!("story {}: {step:?} asked again says {} {}", story.number, answer.status, answer.body);
                return Ok(vec![said]);
            }
            Went::Silent => return Err(format!("story {}: {step:?} was not answered after the restart", story.number)),
        }
    }
    Ok(Vec::new())
}
