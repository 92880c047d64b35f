/** A person of a mail, as v3 mail/send takes them. */
export interface Person {
  email: string;
  name?: string;
}

/** A mail that v3 mail/send takes. */
export interface Mail {
  from: Person;
  reply_to?: Person;
  subject?: string;
  template_id?: string;
  content?: { type: string; value: string }[];
  personalizations: Personalization[];
  categories?: string[];
  custom_args?: Record<string, string>;
  mail_settings?: { sandbox_mode?: { enable?: boolean } };
}

export interface Personalization {
  to: Person[];
  cc?: Person[];
  bcc?: Person[];
  subject?: string;
  custom_args?: Record<string, string>;
  dynamic_template_data?: Record<string, unknown>;
}

export interface FieldError {
  message: string;
  field: string | null;
  help: string | null;
}

const MAX_PERSONALIZATIONS = 1000;
const MAX_CATEGORIES = 10;
const MAX_CATEGORY_LENGTH = 255;
const MAX_CUSTOM_ARGS_BYTES = 10_000;
const HELP = 'http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html';

/**
 * What is wrong with a mail, in SendGrid's words: nothing if it is a `Mail`.
 * https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send and …/mail-send/errors
 */
export function mailErrors(body: unknown): FieldError[] {
  if (!isObject(body)) return [problem('Bad Request', null)];
  return [
    ...personErrors(
      body.from,
      'from',
      'The from object must be provided for every email send. It is an object that requires the email parameter, but may also contain a name parameter.',
    ),
    ...(body.reply_to === undefined
      ? []
      : personErrors(
          body.reply_to,
          'reply_to',
          'The reply_to object requires the email parameter.',
        )),
    ...personalizationErrors(body),
    ...contentErrors(body),
    ...categoryErrors(body.categories),
    ...customArgsErrors(body.custom_args, 'custom_args'),
  ];
}

function personalizationErrors(mail: Record<string, unknown>): FieldError[] {
  const all = mail.personalizations;
  if (!Array.isArray(all) || all.length === 0) {
    return [
      problem(
        'The personalizations field is required and must have at least one personalization.',
        'personalizations',
        '#message.personalizations',
      ),
    ];
  }
  if (all.length > MAX_PERSONALIZATIONS) {
    return [
      problem(
        `The personalizations field must have at most ${MAX_PERSONALIZATIONS} personalizations.`,
        'personalizations',
        '#message.personalizations',
      ),
    ];
  }
  return all.flatMap((one, at) => {
    const field = `personalizations.${at}`;
    if (!isObject(one)) return [problem('Bad Request', field)];
    const people = (['to', 'cc', 'bcc'] as const).flatMap((kind) =>
      Array.isArray(one[kind]) ? one[kind] : [],
    );
    const addresses = people.map((person) => String(person?.email).toLowerCase());
    const errors = customArgsErrors(one.custom_args, `${field}.custom_args`);
    if (!Array.isArray(one.to) || one.to.length === 0) {
      errors.push(
        problem(
          'The to array is required for all personalization objects, and must have at least one email object with a valid email address.',
          `${field}.to`,
          '#message.personalizations.to',
        ),
      );
    }
    for (const kind of ['to', 'cc', 'bcc'] as const) {
      if (Array.isArray(one[kind])) {
        errors.push(
          ...one[kind].flatMap((person, n) =>
            personErrors(
              person,
              `${field}.${kind}.${n}`,
              `The ${kind} object requires the email parameter.`,
            ),
          ),
        );
      }
    }
    if (new Set(addresses).size < addresses.length) {
      errors.push(
        problem(
          'Each email address in the personalization block should be unique between to, cc, and bcc. We found the first duplicate instance of [' +
            firstTwice(addresses) +
            '] in the ' +
            `${field} field.`,
          field,
          '#message.recipient-errors',
        ),
      );
    }
    if (!text(mail.subject) && !text(one.subject) && !text(mail.template_id)) {
      errors.push(
        problem(
          'The subject is required. You can get around this requirement if you use a template with a subject defined or if every personalization has a subject defined.',
          'subject',
          '#message.subject',
        ),
      );
    }
    return errors;
  });
}

function contentErrors({ content, template_id }: Record<string, unknown>): FieldError[] {
  if (content === undefined || (Array.isArray(content) && content.length === 0)) {
    return text(template_id)
      ? []
      : [
          problem(
            'Unless a valid template_id is provided, the content parameter is required. There must be at least one defined content block. We typically suggest both text/plain and text/html blocks are included, but only one block is required.',
            'content',
            '#message.content',
          ),
        ];
  }
  if (!Array.isArray(content)) {
    return [problem('The content parameter must be an array.', 'content')];
  }
  const errors = content.flatMap((block, at) => [
    ...(text(block?.type) && String(block.type).includes('/')
      ? []
      : [
          problem(
            'The content type must be a string at least one character in length and a MIME type.',
            `content.${at}.type`,
            '#message.content.type',
          ),
        ]),
    ...(text(block?.value)
      ? []
      : [
          problem(
            'The content value must be a string at least one character in length.',
            `content.${at}.value`,
            '#message.content.value',
          ),
        ]),
  ]);
  const types = content.map((block) => block?.type);
  const plain = types.indexOf('text/plain');
  const html = types.indexOf('text/html');
  const ordered = plain <= 0 && (html < 0 || html === plain + 1);
  if (!ordered || new Set(types).size < types.length) {
    errors.push(
      problem(
        'If present, text/plain and text/html may only be provided once, and text/plain content must be first, followed by text/html content.',
        'content',
        '#message.content',
      ),
    );
  }
  return errors;
}

function categoryErrors(categories: unknown): FieldError[] {
  if (categories === undefined) return [];
  if (!Array.isArray(categories) || categories.length > MAX_CATEGORIES) {
    return [
      problem(
        `The categories parameter must be an array of at most ${MAX_CATEGORIES} categories.`,
        'categories',
        '#message.categories',
      ),
    ];
  }
  const errors = categories.flatMap((category, at) =>
    text(category) && (category as string).length <= MAX_CATEGORY_LENGTH
      ? []
      : [
          problem(
            `Each category must be a string of 1 to ${MAX_CATEGORY_LENGTH} characters.`,
            `categories.${at}`,
            '#message.categories',
          ),
        ],
  );
  if (new Set(categories).size < categories.length) {
    errors.push(problem('The categories must be unique.', 'categories', '#message.categories'));
  }
  return errors;
}

function customArgsErrors(args: unknown, field: string): FieldError[] {
  if (args === undefined) return [];
  if (!isObject(args))
    return [
      problem('The custom_args must be an object of strings.', field, '#message.custom_args'),
    ];
  const errors = Object.entries(args).flatMap(([name, value]) =>
    typeof value === 'string'
      ? []
      : [
          problem(
            'The custom_args values must be strings.',
            `${field}.${name}`,
            '#message.custom_args',
          ),
        ],
  );
  if (Buffer.byteLength(JSON.stringify(args)) > MAX_CUSTOM_ARGS_BYTES) {
    errors.push(
      problem(
        `The custom_args must be at most ${MAX_CUSTOM_ARGS_BYTES} bytes.`,
        field,
        '#message.custom_args',
      ),
    );
  }
  return errors;
}

function personErrors(person: unknown, field: string, absent: string): FieldError[] {
  if (!isObject(person) || person.email === undefined) {
    return [problem(absent, field, `#message.${field.split('.')[0]}`)];
  }
  if (person.name !== undefined && typeof person.name !== 'string') {
    return [problem('The name must be a string.', `${field}.name`)];
  }
  return isAddress(person.email)
    ? []
    : [
        problem(
          field === 'from'
            ? 'The from email does not contain a valid address.'
            : 'Does not contain a valid address.',
          `${field}.email`,
          `#message.${field.split('.')[0]}`,
        ),
      ];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const text = (value: unknown) => typeof value === 'string' && value.length > 0;

const isAddress = (value: unknown) =>
  typeof value === 'string' &&
  value.length <= 254 &&
  /^[^\s@<>,;]+@[^\s@<>,;.]+(\.[^\s@<>,;.]+)+$/.test(value);

const firstTwice = (values: string[]) =>
  values.find((value, at) => values.indexOf(value) < at) ?? '';

const problem = (message: string, field: string | null, anchor?: string): FieldError => ({
  message,
  field,
  help: anchor ? HELP + anchor : null,
});
