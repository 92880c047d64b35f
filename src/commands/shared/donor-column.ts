import type { Column } from '../../lib/output/render.ts';

/** A person or organisation as scripts see it; null for what is not known where it is shown. */
export interface ShownDonor {
  id: string | null;
  name: string | null;
  email: string | null;
}

/** The column `donor`: the same object wherever a donor is shown; people see the name. */
export const donorColumn = <Row>(
  donorOf: (row: Row) => ShownDonor | null,
  header = 'DONOR',
): Column<Row> => ({
  name: 'donor',
  header,
  value: donorOf,
  text: (row) => donorOf(row)?.name ?? '',
  parts: ['id', 'name', 'email'],
});
