<%-- Postern example: stands where a dropped file would; it does nothing. --%>
