//! QR pictures, drawn once per charge and remembered for as long as there is room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use xanpay_domain::id::ChargeId;

/// Pictures that are remembered: about 4 KiB each. Beyond that, one half is forgotten at once.
const MAX_PICTURES: usize = 2000;

type Half = HashMap<ChargeId, Arc<str>>;

/// Remembered pictures. The older half makes room when the younger is full, so that nothing is scanned for age.
#[derive(Debug, Default)]
pub struct Pictures {
    halves: Mutex<(Half, Half)>,
}

impl Pictures {
    /// The picture of a charge's QR as an SVG element; nothing when the text does not fit into a QR.
    pub fn svg(&self, charge: ChargeId, code: &str) -> Option<Arc<str>> {
        {
            let halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(svg) = halves.0.get(&charge).or_else(|| halves.1.get(&charge)) {
                return Some(Arc::clone(svg));
            }
        }
        let svg: Arc<str> = match xanpay_rails::qr_svg(code) {
            Ok(svg) => svg.into(),
            Err(error) => {
                tracing::error!(%error, %charge, "a QR could not be drawn");
                return None;
            }
        };
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if halves.0.len() >= MAX_PICTURES / 2 {
            halves.1 = std::mem::take(&mut halves.0);
        }
        halves.0.insert(charge, Arc::clone(&svg));
        Some(svg)
    }
}
