//! The power goes: SQLite's files as a disk would have them, with nothing that was not synced and with any part of it.

use crate::Lab;
use crate::dice::Dice;
use crate::disk::Disk;
use crate::gateway::{Engine, Gateway, Program};
use crate::image::Image;
use crate::ledger::Ledger;
use crate::load::Load;
use crate::report::Row;
use std::sync::Arc;

/// Of each power cut: what was synced alone, and so many times with a random part of the rest.
const RANDOM_IMAGES: u64 = 2;
/// Attempts at catching the planted fault.
const TRIES: u64 = 3;

/// Tries the sound binary and then one that leaves the syncing to the system.
pub async fn check(lab: &Lab) -> Result<Row, String> {
    let engine = Engine::Sqlite;
    let (mut answered, mut images, mut broken) = (0, 0, Vec::new());
    for round in 0..u64::from(lab.rounds) {
        let cut = cut_power(lab, &lab.sound(), lab.seed + round).await?;
        answered += cut.answered;
        images += cut.images;
        broken.extend(cut.broken);
    }
    let measured = format!("{} power cuts, {images} disks, {answered} answers before them", lab.rounds);
    let mut row = Row::new("power cut", &engine, measured);
    row.broken = broken;
    if answered == 0 {
        row.broken.push("nothing was measured".to_owned());
    }
    let mut caught = false;
    for attempt in 0..TRIES {
        caught = caught || !cut_power(lab, &lab.planted("normal-sync"), lab.seed + attempt).await?.broken.is_empty();
    }
    row.control("normal-sync", caught);
    Ok(row)
}

struct Cut {
    answered: usize,
    images: usize,
    broken: Vec<String>,
}

/// Sets a gateway up, puts it under load, cuts its power and looks at what is left.
async fn cut_power(lab: &Lab, program: &Program, seed: u64) -> Result<Cut, String> {
    let mut dice = Dice::new(seed);
    let mut gateway = Gateway::bare(&Engine::Sqlite, program).await?;
    let disk = Disk::new(&lab.library, gateway.scratch(), "disk", &gateway.data())?.with_log(gateway.scratch());
    gateway.put_on(disk.clone());
    // Setting up is under the same power: keys that were printed must be there as well.
    gateway.set_up().await?;
    let gateway = Arc::new(gateway);
    let mut running = gateway.start().await?;
    let load = Load::begin(&gateway, &running.address, lab.clients, &Arc::default());
    load.warm(lab.clients).await;
    tokio::time::sleep(dice.span(0, 300)).await;
    running.kill().await?;
    let ledger = Ledger { stories: load.end().await.stories };
    let image = disk.image()?;
    let mut broken = look_at(lab, &gateway, &ledger, &image, None).await?;
    for _ in 0..RANDOM_IMAGES {
        broken.extend(look_at(lab, &gateway, &ledger, &image, Some(&mut dice)).await?);
    }
    let images = usize::try_from(RANDOM_IMAGES + 1).unwrap_or(0);
    Ok(Cut { answered: ledger.answered(), images, broken })
}

/// Starts the sound gateway on what a power cut has left; what was answered and is not there.
pub async fn look_at(
    lab: &Lab,
    gateway: &Gateway,
    ledger: &Ledger,
    image: &Image,
    dice: Option<&mut Dice>,
) -> Result<Vec<String>, String> {
    let after = Arc::new(gateway.twin(&lab.sound()).await?);
    image.lay_out(&gateway.data(), &after.data(), dice)?;
    let mut running = match after.start().await {
        Ok(running) => running,
        Err(error) => return Ok(vec![error]),
    };
    let found = ledger.look(0, &after, &running.address).await?;
    running.kill().await?;
    let mut broken: Vec<String> = found.into_iter().map(|finding| finding.text).collect();
    let checked = after.query("PRAGMA integrity_check").await?;
    if checked != [["ok"]] {
        broken.push(format!("the file is damaged: {checked:?}"));
    }
    Ok(broken)
}
