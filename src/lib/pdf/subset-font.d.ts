/** The part of subset-font that is used; the package has no types. */
declare module 'subset-font' {
  function subsetFont(
    font: Buffer,
    text: undefined,
    options: {
      targetFormat: 'sfnt';
      keepAllGlyphs: true;
      noHinting: true;
      variationAxes: Record<string, number>;
    },
  ): Promise<Buffer>;
  export = subsetFont;
}
