import { Command } from 'commander';
import { notFound } from '../../lib/errors.ts';
import type { Organization } from '../../lib/organizations/organization.ts';
import { say } from '../../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  type OutputOptions,
  renderOne,
} from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

export const COLUMNS: Column<Organization>[] = [
  { name: 'organization', header: 'ORGANIZATION', value: (row) => row.id },
  { name: 'revision', header: 'VERSION', value: (row) => row.version },
  { name: 'legal_name', header: 'LEGAL NAME', value: (row) => row.legalName },
  {
    name: 'address',
    header: 'ADDRESS',
    value: (row) => row.address,
    text: (row) => row.address.join(', '),
  },
  { name: 'tax_id', header: 'TAX ID', value: (row) => row.taxId },
  { name: 'email', header: 'E-MAIL', value: (row) => row.email },
  { name: 'country', header: 'COUNTRY', value: (row) => row.country },
  { name: 'locale', header: 'LOCALE', value: (row) => row.locale },
  { name: 'time_zone', header: 'TIME ZONE', value: (row) => row.timeZone },
  { name: 'receipt_series', header: 'SERIES', value: (row) => row.receiptSeries },
  { name: 'no_goods_statement', header: 'NOTHING IN RETURN', value: (row) => row.noGoodsStatement },
  { name: 'place_issued', header: 'PLACE OF ISSUE', value: (row) => row.placeIssued },
  { name: 'signatory', header: 'SIGNED BY', value: (row) => row.signatory },
];

/** `donations organization show`: the facts for receipts that are issued now. */
export function organizationShowCommand(context: Context): Command {
  const command = new Command('show').description(
    'show the facts that are printed on receipts issued now',
  );
  return examples(withOutput(command, COLUMNS), [
    ['donations organization show', 'as stored in the database'],
    ['donations organization show --json', 'for a script'],
  ]).action(async (options: OutputOptions) => {
    const { differences, findOrganization, organizationInSettings } = await import(
      '../../lib/organizations/organization.ts'
    );
    const organization = await context.read(findOrganization);
    if (!organization) throw notFound('no organisation is stored yet');
    renderOne(context.io, options, COLUMNS, organization);
    if (chosenFormat(options).format !== 'table') return;
    // A user who only reads has no settings to compare it with.
    const settings = await context.config().catch(() => undefined);
    if (!settings) return;
    const different = differences(organization, organizationInSettings(settings));
    if (different.length > 0)
      say(
        context.io,
        `The settings differ in ${different.join(', ')}.\nNext: donations organization update`,
      );
  });
}
