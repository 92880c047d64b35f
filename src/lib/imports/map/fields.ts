/** What a column may mean. Several columns of one meaning are an error, save where `formats` joins them. */
export const FIELDS = {
  amount: 'what was given, before fees',
  currency: 'its ISO 4217 code',
  gift_date: 'when it was given',
  postmark_date: 'the postmark of a mailed check: it decides the tax year',
  received_date: 'when it arrived',
  deposit_date: 'when it was taken to the bank',
  method:
    'check, cash, wire, ach, daf, in_kind, stock, money_order, card_offline, matching, crypto, other',
  check_number: 'kept as text, with its zeros',
  fund: 'the fund that it is for',
  fund_amount: 'how much of it goes there',
  fund_2: 'a second fund',
  fund_2_amount: 'how much of it goes there',
  fund_3: 'a third fund',
  fund_3_amount: 'how much of it goes there',
  campaign: 'the campaign',
  appeal: 'the letter or call that brought it',
  donor_type: 'person or organization',
  organization: 'the donor’s name, if it is an organisation',
  first_name: 'of a person',
  last_name: 'of a person',
  suffix: 'Jr., III …',
  donor_name: 'the whole name in one',
  email: 'e-mail address',
  street: 'street and number',
  street_2: 'a second line of it',
  city: 'city',
  state: 'state, province or region',
  postcode: 'kept as text, with its zeros',
  country: 'ISO 3166 code or English name',
  donor_id: 'the source’s id of the donor',
  anonymous: 'yes: not named in public',
  soft_credit: 'who else is thanked for it',
  soft_credit_email: 'their e-mail address',
  tribute_type: 'honor or memory',
  tribute_name: 'in whose honor or memory',
  goods_value: 'fair value of what the donor got for it',
  goods_description: 'what that was',
  in_kind_description: 'what was given, if not money',
  match_amount: 'what the employer added: a gift of its own',
  match_organization: 'the employer',
  refunded_amount: 'what was given back since',
  status: 'rows that are not complete are skipped',
  test_mode: 'test rows are skipped',
  note: 'anything else to remember',
  source: 'the system that the gift is from',
  source_id: 'that system’s id of the gift: the same id is never imported twice',
} as const;

export type Field = keyof typeof FIELDS;

export const FIELD_NAMES = Object.keys(FIELDS) as Field[];

/** A header without what varies: `Donor's First Name` and `donors_first_name` are the same. */
export const headerKey = (header: string) =>
  header
    .normalize('NFKD')
    .toLowerCase()
    .replace(/^npsp__|__c$/g, '')
    .replace(/[^\p{L}\p{N}]/gu, '');

// Names that mean the same in every system that we know. Those of one system are in formats.ts.
const SYNONYMS: Partial<Record<Field, string>> = {
  amount:
    'amount|total amount|gift amount|donation amount|contribution amount|amount given|gross|gross amount|gift|donation|payment amount|total|betrag',
  currency:
    'currency|currency code|iso currency|donation currency|donation currencies|waehrung|währung',
  gift_date:
    'date|gift date|donation date|date of gift|contribution date|date given|transaction date|payment date|donated at|donated on|given on|gift on|created|created utc|datum',
  postmark_date: 'postmark date|postmark|postmarked|postmarked on|date postmarked',
  received_date: 'received date|date received|received|received on|receive date',
  deposit_date:
    'deposit date|deposited|deposited on|date deposited|settlement date|settled date|date posted|posting date|posted date|buchungstag',
  method:
    'method|payment method|payment type|payment instrument|gift type|tender|tender type|pay method|payment mode|instrument|donation method|zahlungsart',
  check_number:
    'check number|check no|check|check num|cheque number|cheque no|cheque|chequenumber|payment check reference number|check reference number',
  fund: 'fund|fund name|designation|restriction|restrictions|fund designation|allocation|program|programme|purpose|cause',
  fund_amount: 'fund amount|fund 1 amount|allocation amount',
  fund_2: 'fund 2|second fund|designation 2',
  fund_2_amount: 'fund 2 amount|designation 2 amount',
  fund_3: 'fund 3|third fund|designation 3',
  fund_3_amount: 'fund 3 amount|designation 3 amount',
  campaign: 'campaign|campaign name|campaign title|kampagne',
  appeal: 'appeal|appeal code|direct mail appeal|mailing|solicitation|appeal name',
  donor_type: 'donor type|contact type|kind|donor kind|constituent type|account type',
  organization:
    'organization|organisation|organization name|organisation name|company name|business name|business or organization name|account name|donor organization|donor company|firma',
  first_name:
    'first name|firstname|given name|donor first name|donors first name|first|forename|vorname',
  last_name:
    'last name|lastname|surname|family name|donor last name|donors last name|last|nachname',
  suffix: 'suffix|individual suffix|name suffix',
  donor_name:
    'name|donor|donor name|full name|display name|donor full name|contact name|contact|originator|originator name|sender|payer|payer name|spender|spendername',
  email:
    'email|e mail|email address|e mail address|donor email|donor email address|customer email|mail',
  street:
    'street|street address|address|address 1|address line 1|address1|street 1|mailing street|mailing address|donor address|donor address 1|billing address|billing address line 1|home street|strasse|straße',
  street_2:
    'street 2|address 2|address line 2|address2|supplemental address 1|donor address 2|billing address line 2|apartment|unit',
  city: 'city|town|mailing city|donor city|billing city|home city|ort|stadt',
  state:
    'state|province|region|state province|state or province|county|mailing state|donor state|billing state|home state province|bundesland',
  postcode:
    'postcode|postal code|zip|zip code|zipcode|post code|zip postal code|mailing zip|donor zip|donor postal code|billing zip|billing postal code|home zip postal code|plz',
  country: 'country|mailing country|donor country|billing country|home country|country code|land',
  donor_id:
    'donor id|contact id|constituent id|customer id|supporter id|external donor id|donor external id',
  anonymous: 'anonymous|is anonymous|anonymous donation|anonymous gift|make donation anonymous',
  soft_credit: 'soft credit|soft credit name|soft credited to|soft credit to|soft credit donor',
  soft_credit_email: 'soft credit email',
  tribute_type: 'tribute type|dedication type|memorial type|honor type|tribute kind|honoree type',
  tribute_name:
    'tribute name|honoree|honoree name|in honor of|in memory of|dedication|tribute|dedicated to',
  goods_value:
    'goods value|goods or services value|goods services value|fair market value|fmv|benefit value|non deductible amount|nondeductible amount|value of goods|advantage value',
  goods_description:
    'goods description|goods or services|goods or services description|benefit|benefit description|premium',
  in_kind_description:
    'in kind description|item description|item|gift in kind description|stock description',
  match_amount: 'match amount|matching amount|matched amount|employer match|employer match amount',
  match_organization:
    'match organization|matching organization|matching company|employer|employer name|match company',
  refunded_amount: 'refunded amount|amount refunded',
  status: 'status|donation status|payment status|contribution status|transaction status',
  test_mode: 'test mode|test|is test|livemode test',
  note: 'note|notes|comment|comments|memo|internal notes|donor comment|contribution note|verwendungszweck',
  source: 'source|source system|system|contribution source|gift source',
  source_id:
    'source id|external id|transaction id|gift id|donation id|contribution id|grant id|payment id|reference id|id|trxn id|payment intent id|receipt id|import id',
};

/** The field that a header names by itself, if any. */
export function synonymOf(header: string): Field | undefined {
  return KEYS.get(headerKey(header));
}

const KEYS: ReadonlyMap<string, Field> = new Map(
  FIELD_NAMES.flatMap((field) => [
    [headerKey(field), field] as const,
    ...(SYNONYMS[field] ?? '').split('|').map((name) => [headerKey(name), field] as const),
  ]),
);
