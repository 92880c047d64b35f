export type Form = { [key: string]: string | Form };

/** A form-encoded body with nested keys, as Stripe takes them: `a[b][c]=1`, `list[]=x`. */
export function parseForm(text: string): Form {
  const form: Form = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const path = name.replaceAll(']', '').split('[');
    let at = form;
    for (const part of path.slice(0, -1)) {
      if (typeof at[part] !== 'object') at[part] = {};
      at = at[part] as Form;
    }
    const last = path.at(-1) || String(Object.keys(at).length);
    at[last] = value;
  }
  return form;
}
