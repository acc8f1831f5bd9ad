// The chooser: the customer's first act, and a button that is pressed once.

/** Starts listening. */
export function watchChooser() {
  const form = document.querySelector("form[data-initiate]");
  if (form instanceof HTMLFormElement) {
    // The customer's first act begins the session's hour; reading the page does not.
    const begin = () => void fetch(form.dataset.initiate ?? "", { method: "POST", keepalive: true }).catch(() => {});
    form.addEventListener("input", begin, { once: true });
  }
  document.addEventListener("submit", (event) => {
    if (event.target instanceof HTMLFormElement) preventSecondSubmit(event, event.target);
  });
  addEventListener("pageshow", (event) => {
    // A page that comes back from the browser's memory still shows the pressed button.
    if (event.persisted) document.querySelectorAll("form").forEach(release);
  });
}

/**
 * @param {SubmitEvent} event
 * @param {HTMLFormElement} form
 */
function preventSecondSubmit(event, form) {
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  const button = form.querySelector("button[type=submit]");
  if (!(button instanceof HTMLButtonElement)) return;
  button.setAttribute("aria-disabled", "true");
  if (form.dataset.busy) {
    button.dataset.words = button.textContent ?? "";
    button.textContent = form.dataset.busy;
  }
}

/** @param {HTMLFormElement} form */
function release(form) {
  delete form.dataset.sent;
  const button = form.querySelector("button[type=submit]");
  if (!(button instanceof HTMLButtonElement)) return;
  button.removeAttribute("aria-disabled");
  if (button.dataset.words) button.textContent = button.dataset.words;
}
