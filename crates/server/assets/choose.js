// The chooser: a country shows its own methods only, so the chosen method is always one that can be seen.

/** Starts listening. */
export function watchChooser() {
  const form = document.querySelector("form[data-initiate]");
  if (form instanceof HTMLFormElement) {
    // The customer's first act begins the session's hour; reading the page does not.
    const begin = () => void fetch(form.dataset.initiate ?? "", { method: "POST", keepalive: true }).catch(() => {});
    form.addEventListener("input", begin, { once: true });
  }
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (input instanceof HTMLInputElement && input.name === "country") chooseWithin(input.value);
  });
  document.addEventListener("submit", (event) => {
    if (event.target instanceof HTMLFormElement) preventSecondSubmit(event, event.target);
  });
  addEventListener("pageshow", (event) => {
    // A page that comes back from the browser's memory still shows the pressed button.
    if (event.persisted) document.querySelectorAll("form").forEach(release);
  });
}

/** @param {string} country */
function chooseWithin(country) {
  const methods = document.querySelectorAll(`[data-country="${CSS.escape(country)}"] input[name="method"]`);
  const inputs = [...methods].filter((input) => input instanceof HTMLInputElement);
  if (inputs.length > 0 && !inputs.some((input) => input.checked)) inputs[0].checked = true;
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
