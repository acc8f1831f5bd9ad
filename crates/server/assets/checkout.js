// Starts the page's modules. Everything works without them; they make it pleasant.

import { watchChooser } from "./choose.js";
import { watchCopyButtons } from "./copy.js";
import { watchTimes } from "./countdown.js";
import { watchStatus } from "./live.js";
import { watchSaveButton } from "./qr.js";

watchChooser();
watchCopyButtons();
watchTimes();
watchStatus();
watchSaveButton();
// From here on what needs scripts is shown; early.js stands by until then.
document.documentElement.className = "is-live";

document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("[data-print]")) print();
});

// On a wide screen the order has room beside the payment.
if (matchMedia("(min-width: 60rem)").matches) {
  for (const details of document.querySelectorAll("details[data-open-wide]")) {
    if (details instanceof HTMLDetailsElement && details.querySelectorAll("li").length <= 8) details.open = true;
  }
}

// A fault of the last try is where the customer wants to be.
const faulty = document.querySelector("[aria-invalid=true]");
if (faulty instanceof HTMLElement) faulty.focus();
