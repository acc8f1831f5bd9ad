//! Renders every state of the checkout into a folder: `cargo run --example checkout_gallery -- DIR`.
//!
//! `DIR` then holds one HTML file per state, the assets, and `headers.json` with the headers to serve the pages with.
//! The browser tests look at them; so may you, with any file server that sends those headers.

mod samples;

use askama::DynTemplate;
use std::error::Error;
use std::fs;
use std::path::Path;
use xanpay_server::http::checkout::{assets, security_headers};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: checkout_gallery DIR")?;
    let directory = Path::new(&directory);
    fs::create_dir_all(directory.join("assets"))?;
    let write = |name: &str, page: &dyn DynTemplate| -> Result<(), Box<dyn Error>> {
        fs::write(directory.join(format!("{name}.html")), page.dyn_render()?)?;
        Ok(())
    };
    for (name, page) in samples::choose_pages() {
        write(name, &page)?;
    }
    for (name, page) in samples::verify_pages() {
        write(name, &page)?;
    }
    for (name, page) in samples::pay_pages() {
        write(name, &page)?;
    }
    for (name, page) in samples::receipt_pages() {
        write(name, &page)?;
    }
    for (name, page) in samples::closed_pages() {
        write(name, &page)?;
    }
    for (name, page) in samples::message_pages() {
        write(name, &page)?;
    }
    for url in assets::urls() {
        let asset = assets::asset(url).ok_or("an asset is missing")?;
        fs::write(directory.join(url.trim_start_matches('/')), asset.bytes)?;
    }
    fs::write(directory.join("headers.json"), headers_json()?)?;
    Ok(())
}

fn headers_json() -> Result<String, Box<dyn Error>> {
    let mut headers = serde_json::Map::new();
    for (name, value) in security_headers() {
        headers.insert(name.to_string(), value.to_str()?.into());
    }
    Ok(serde_json::to_string_pretty(&headers)?)
}
