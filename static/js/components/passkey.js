/* Passkeys: a button lets the browser make or use one, and sends its answer with the form around it. */

const toBytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** The server's options, with bytes where the browser wants bytes. */
function withBytes({ publicKey }) {
  const keys = (list = []) => list.map((key) => ({ ...key, id: toBytes(key.id) }));
  return {
    publicKey: {
      ...publicKey,
      challenge: toBytes(publicKey.challenge),
      ...(publicKey.user && { user: { ...publicKey.user, id: toBytes(publicKey.user.id) } }),
      ...(publicKey.excludeCredentials && { excludeCredentials: keys(publicKey.excludeCredentials) }),
      ...(publicKey.allowCredentials && { allowCredentials: keys(publicKey.allowCredentials) }),
    },
  };
}

/** The browser's answer, with text where it has bytes. */
function withText(credential) {
  const { response } = credential;
  const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: {
      ...Object.fromEntries(names.filter((name) => response[name]).map((name) => [name, toText(response[name])])),
      ...(response.getTransports && { transports: response.getTransports() }),
    },
  };
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-passkey]");
  if (!button) return;
  const form = button.closest("form");
  const error = form.querySelector("[data-passkey-error]");
  error.hidden = true;
  try {
    const [options] = Object.values(JSON.parse(document.getElementById("passkey-options").textContent));
    const credential = await navigator.credentials[button.dataset.passkey](withBytes(options));
    document.getElementById(button.dataset.credential).value = JSON.stringify(withText(credential));
    form.submit();
  } catch {
    // Cancelled, none there, or no browser support: the sentence says what else there is.
    error.textContent = window.PublicKeyCredential ? error.dataset.refused : error.dataset.missing;
    error.hidden = false;
  }
});
