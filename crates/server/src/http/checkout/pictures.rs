//! QR codes as pages show them: what is in them, and their pictures, drawn once and remembered for as long as there is
//! room.

use crate::directory::KnownAccount;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use xanpay_domain::charge::Charge;
use xanpay_domain::id::ChargeId;
use xanpay_rails::{PaymentRequest, payload};

/// Pictures that are remembered: about 4 KiB each. Beyond that, one half is forgotten at once.
const MAX_PICTURES: usize = 2000;

/// A charge and what it asks, in minor units: the code of a charge changes with it.
type Shown = (ChargeId, i64);
type Half = HashMap<Shown, Arc<str>>;

/// The code by which a charge can be paid now: its own, or one that asks for the rest once a part is there. Nothing where
/// the rail has no code, or none for what is missing.
pub(super) fn code_of<'a>(charge: &'a Charge, account: Option<&KnownAccount>) -> Option<Cow<'a, str>> {
    let to = &charge.destination;
    if to.qr_code.is_empty() {
        return None;
    }
    if charge.received.is_zero() {
        return Some(Cow::Borrowed(&to.qr_code));
    }
    let request = PaymentRequest { amount: charge.outstanding(), reference: &to.nonce };
    payload(&account?.rail, &request, charge.environment).ok().flatten().map(Cow::Owned)
}

/// Remembered pictures. The older half makes room when the younger is full, so that nothing is scanned for age.
#[derive(Debug, Default)]
pub struct Pictures {
    halves: Mutex<(Half, Half)>,
}

impl Pictures {
    /// The picture of a charge's code as an SVG element; nothing when the text does not fit into a QR.
    pub fn svg(&self, charge: &Charge, code: &str) -> Option<Arc<str>> {
        let shown = (charge.id, charge.outstanding().minor());
        {
            let halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(svg) = halves.0.get(&shown).or_else(|| halves.1.get(&shown)) {
                return Some(Arc::clone(svg));
            }
        }
        let svg: Arc<str> = match xanpay_rails::qr_svg(code) {
            Ok(svg) => svg.into(),
            Err(error) => {
                tracing::error!(%error, charge = %charge.id, "a QR could not be drawn");
                return None;
            }
        };
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if halves.0.len() >= MAX_PICTURES / 2 {
            halves.1 = std::mem::take(&mut halves.0);
        }
        halves.0.insert(shown, Arc::clone(&svg));
        Some(svg)
    }
}
