//! What the demonstration finds ready: merchant, accounts, rates, webhook, operator's key.

use super::shop::{self, CALLBACK_PATH, Secrets, Shop, WEBHOOK_PATH};
use crate::app::App;
use crate::cli::failure::Failure;
use crate::clock::Clock;
use crate::config::{Config, Storage};
use crate::entropy;
use crate::flows::{
    CreatedKey, FlowError, NewAccount, NewMerchant, NewWebhook, add_account, add_webhook, create_key, create_merchant,
    save_rates,
};
use crate::outbound::signature::{RsaVerifier, WebhookSecret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::exchange::{OPERATOR, PairRate, Rate, RateEntry, find_rate, inverted_against};
use xanpay_domain::id::MerchantId;
use xanpay_domain::method::Method;
use xanpay_rails::rail;

/// The seeds' receiving account and its holder.
const SEED_ACCOUNT: (&str, &str) = ("+6585867834", "DN");
/// Play rates: what one unit is worth. The first gives the seeds' 150 HKD = 26.24 SGD.
const RATES: [(Currency, Currency, &str); 20] = [
    (Currency::HKD, Currency::SGD, "0.174933"),
    (Currency::HKD, Currency::MYR, "0.5773"),
    (Currency::HKD, Currency::VND, "3345"),
    (Currency::HKD, Currency::PHP, "7.45"),
    (Currency::HKD, Currency::THB, "4.31"),
    (Currency::HKD, Currency::INR, "11.2"),
    (Currency::HKD, Currency::IDR, "2100"),
    (Currency::HKD, Currency::AUD, "0.197"),
    (Currency::HKD, Currency::NZD, "0.221"),
    (Currency::HKD, Currency::KRW, "186"),
    (Currency::SGD, Currency::HKD, "5.7165"),
    (Currency::SGD, Currency::MYR, "3.3"),
    (Currency::SGD, Currency::VND, "19120"),
    (Currency::SGD, Currency::PHP, "42.6"),
    (Currency::SGD, Currency::THB, "24.6"),
    (Currency::SGD, Currency::INR, "64"),
    (Currency::SGD, Currency::IDR, "12000"),
    (Currency::SGD, Currency::AUD, "1.126"),
    (Currency::SGD, Currency::NZD, "1.263"),
    (Currency::SGD, Currency::KRW, "1063"),
];

/// The sandbox as a newcomer needs to know it.
pub(super) struct Sandbox {
    /// The base of the gateway's addresses.
    pub(super) url: String,
    /// Where webhooks and callbacks arrive.
    pub(super) shop_url: String,
    pub(super) merchant_id: MerchantId,
    pub(super) merchant: CreatedKey,
    /// Signs callbacks.
    pub(super) callback_secret: String,
    /// Signs webhooks.
    pub(super) webhook_secret: String,
    pub(super) operator: CreatedKey,
    /// A file with the operator's key pair as `curl -u` takes it.
    pub(super) operator_file: PathBuf,
    /// How further commands find the same data.
    pub(super) data_option: String,
}

impl Sandbox {
    /// Where the shop wants callbacks.
    pub(super) fn notify_url(&self) -> String {
        format!("{}{CALLBACK_PATH}", self.shop_url)
    }
}

/// Fills the sandbox and opens the shop.
pub(super) async fn prepare(
    app: &App,
    config: &Config,
    address: SocketAddr,
    scratch: &Path,
) -> Result<(Shop, Sandbox), Failure> {
    refuse_live(app).await?;
    add_accounts(app).await?;
    add_rates(app).await?;
    let merchant = create_merchant(app, demo_shop()).await?;
    let (listener, shop_address) = shop::listen().await?;
    let shop_url = format!("http://{shop_address}");
    let password = entropy::hex(16);
    let webhook = NewWebhook {
        environment: Environment::Sandbox,
        merchant: merchant.id,
        url: format!("{shop_url}{WEBHOOK_PATH}"),
        basic: Some(("shop".to_owned(), password.clone())),
    };
    let webhook = add_webhook(app, webhook).await?;
    let internal = |error: &dyn std::fmt::Display| Failure::new("internal_error", error.to_string());
    let row = app.store.reader().find_merchant(merchant.id, Environment::Sandbox).await?;
    let certificate = row.ok_or_else(|| internal(&"the merchant is gone"))?.certificate;
    let secrets = Secrets {
        webhook: WebhookSecret::parse(&webhook.secret).map_err(|error| internal(&error))?,
        authorization: format!("Basic {}", STANDARD.encode(format!("shop:{password}"))),
        callback: WebhookSecret::parse(&merchant.webhook_secret).map_err(|error| internal(&error))?,
        certificate: RsaVerifier::from_certificate_pem(&certificate).map_err(|error| internal(&error))?,
        clock: Clock::system(),
    };
    let operator = create_key(app, None, Environment::Sandbox).await?;
    let (operator_file, data_option) = match &config.storage {
        Storage::Directory(data) => (data.join("operator-key"), format!("--data {}", data.display())),
        Storage::Postgres(_) => (scratch.join("operator-key"), "--database-url ...".to_owned()),
    };
    write_private(&operator_file, &format!("{}:{}", operator.api_key, operator.api_secret))?;
    let sandbox = Sandbox {
        url: config.public_base(address),
        shop_url,
        merchant_id: merchant.id,
        merchant: merchant.key,
        callback_secret: merchant.webhook_secret,
        webhook_secret: webhook.secret,
        operator,
        operator_file,
        data_option,
    };
    Ok((Shop::open(listener, secrets), sandbox))
}

fn demo_shop() -> NewMerchant {
    NewMerchant {
        name: "Demo Shop".to_owned(),
        currency: Currency::SGD,
        methods: vec![Method::Paynow, Method::DuitNow, Method::Fps],
        environment: Environment::Sandbox,
        phone_verification: false,
    }
}

/// An account for every rail. Those that earlier demonstrations have left stay; one that was disabled is enabled again.
async fn add_accounts(app: &App) -> Result<(), Failure> {
    for method in Method::ALL {
        match add_account(app, play_account(method)).await {
            Ok(_) => {}
            Err(FlowError::Refused(refusal)) if refusal.code == "account_exists" => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// An account of nobody in particular; PayNow's is the seeds' own.
fn play_account(method: Method) -> NewAccount {
    let kind = rail(method).account_kinds[0];
    let (account, name) = if method == Method::Paynow { SEED_ACCOUNT } else { (kind.example, "Demo Shop") };
    NewAccount {
        environment: Environment::Sandbox,
        method,
        account: account.to_owned(),
        name: Some(name.to_owned()),
        bank: kind.example_bank.map(str::to_owned),
        template_qr: kind.example_template.map(str::to_owned),
        template_as_issued: false,
        policy: None,
        statement_account: None,
        merchant: None,
    }
}

/// Rates are the same in both environments, and an operator's live shop is no place to play.
async fn refuse_live(app: &App) -> Result<(), Failure> {
    let tx = app.store.reader();
    let has_merchant = !tx.list_merchants(Environment::Live, "", 1).await?.is_empty();
    if !has_merchant && tx.list_accounts(Environment::Live).await?.is_empty() {
        return Ok(());
    }
    let message = "this database has live merchants or receiving accounts, and a demonstration has no business there; \
                   without --data and --database-url it plays in a database of its own";
    Err(Failure::new("database_live", message))
}

/// A play rate for every pair that could not be exchanged without. What somebody else has set or imported stays.
async fn add_rates(app: &App) -> Result<(), Failure> {
    let (as_of, ages) = (app.clock.real_now(), app.terms.rate_ages);
    let known = app.store.reader().list_rates().await?;
    let mut rates = Vec::new();
    for (base, quote, text) in RATES {
        let rate = Rate::parse(text).map_err(|error| Failure::new("internal_error", format!("{text}: {error}")))?;
        let is_missing = find_rate(&known, base, quote, ages, as_of).is_err();
        // Against rates that are upside down the play rate would be, too; theirs is the choice.
        if is_missing && inverted_against(&known, base, quote, rate).is_none() {
            rates.push(PairRate { base, quote, entry: RateEntry { rate, source: OPERATOR.to_owned(), as_of } });
        }
    }
    save_rates(app, rates, false).await?;
    Ok(())
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::new("file_unwritable", format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use xanpay_rails::{AccountInput, parse_account};

    #[test]
    fn every_rail_has_a_play_account_that_its_rail_accepts() {
        for method in Method::ALL {
            let account = play_account(method);
            let input = AccountInput {
                account: &account.account,
                name: account.name.as_deref(),
                bank: account.bank.as_deref(),
                template: account.template_qr.as_deref(),
                template_as_issued: false,
            };
            parse_account(method, &input).unwrap_or_else(|fault| panic!("{method}: {fault}"));
        }
    }

    #[test]
    fn every_rail_can_be_paid_from_singapore_and_hong_kong_dollars() {
        for base in [Currency::SGD, Currency::HKD] {
            for quote in Method::ALL.map(Method::currency).into_iter().filter(|quote| *quote != base) {
                let found = RATES.iter().find(|rate| (rate.0, rate.1) == (base, quote));
                assert!(found.is_some_and(|rate| Rate::parse(rate.2).is_ok()), "{base} {quote}");
            }
        }
    }
}
