// "Save QR code" as a PNG, because bank apps read pictures from the photo library. Without scripts, or when the browser
// cannot draw, the link downloads the SVG.

const SIDE_PX = 1080;

/** Starts listening. */
export function watchSaveButton() {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("[data-save-qr]") : null;
    if (!(link instanceof HTMLAnchorElement) || link.dataset.plain) return;
    const picture = document.querySelector("[data-qr] svg");
    if (!(picture instanceof SVGSVGElement)) return;
    event.preventDefault();
    save(picture, `${link.dataset.saveQr ?? "qr"}.png`).catch(() => {
      link.dataset.plain = "yes";
      link.click();
    });
  });
}

/**
 * @param {SVGSVGElement} picture
 * @param {string} fileName
 */
async function save(picture, fileName) {
  const png = await draw(picture);
  const file = new File([png], fileName, { type: "image/png" });
  const isPhone = matchMedia("(pointer: coarse)").matches;
  if (isPhone && navigator.canShare?.({ files: [file] })) {
    try {
      await navigator.share({ files: [file] });
    } catch (error) {
      // The customer closed the sheet: that is an answer, not a failure.
      if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
    }
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/**
 * @param {SVGSVGElement} picture
 * @returns {Promise<Blob>}
 */
async function draw(picture) {
  const copy = picture.cloneNode(true);
  if (!(copy instanceof SVGSVGElement)) throw new Error("no picture");
  copy.setAttribute("width", String(SIDE_PX));
  copy.setAttribute("height", String(SIDE_PX));
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = SIDE_PX;
  canvas.height = SIDE_PX;
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("no canvas");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, SIDE_PX, SIDE_PX);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(image, 0, 0, SIDE_PX, SIDE_PX);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no blob"))), "image/png");
  });
}
