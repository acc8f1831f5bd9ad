//! Clients that tell stories until they are stopped or the gateway is gone.

use crate::client::{Answer, Client};
use crate::gateway::Gateway;
use crate::story::{Plot, Story, Went};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long answers are waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Clients at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicUsize>,
    clients: JoinSet<Told>,
}

/// What clients asked and heard.
#[derive(Default)]
pub struct Told {
    /// Their stories, as far as they were answered.
    pub stories: Vec<Story>,
    /// Answers that were no success.
    pub refusals: Vec<Answer>,
}

impl Told {
    /// Answers that were a success.
    pub fn answered(&self) -> usize {
        self.stories.iter().map(|story| story.done.len()).sum()
    }
}

impl Load {
    /// Lets clients begin. `numbers` gives every story of a database its own.
    pub fn begin(gateway: &Arc<Gateway>, address: &str, clients: usize, numbers: &Arc<AtomicU64>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut load = Self { stop, answers: Arc::default(), clients: JoinSet::new() };
        for _ in 0..clients {
            let (gateway, address, numbers) = (Arc::clone(gateway), address.to_owned(), Arc::clone(numbers));
            let (stop, answers) = (Arc::clone(&load.stop), Arc::clone(&load.answers));
            load.clients.spawn(async move { tell(&gateway, &address, &numbers, &stop, &answers).await });
        }
        load
    }

    /// Waits until so many answers have come, of whatever kind, or for long enough: a busy machine takes its time.
    pub async fn warm(&self, answers: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.answers.load(Ordering::Relaxed) < answers && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Stops the clients.
    pub async fn end(mut self) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Told::default();
        while let Some(told) = self.clients.join_next().await {
            let told = told.unwrap_or_default();
            all.stories.extend(told.stories);
            all.refusals.extend(told.refusals);
        }
        all
    }
}

async fn tell(gateway: &Gateway, address: &str, numbers: &AtomicU64, stop: &AtomicBool, answers: &AtomicUsize) -> Told {
    let mut told = Told::default();
    let Some(mut client) = Client::connect(address).await else { return told };
    while !stop.load(Ordering::Relaxed) {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let mut story = Story::new(number, Plot::of(number));
        let mut went = Went::Done;
        while story.next().is_some() && went == Went::Done {
            went = story.go_on(&mut client, gateway).await;
            answers.fetch_add(1, Ordering::Relaxed);
        }
        told.stories.push(story);
        match went {
            Went::Done => {}
            Went::Refused(answer) => {
                told.refusals.push(answer);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Went::Silent => break,
        }
    }
    told
}
