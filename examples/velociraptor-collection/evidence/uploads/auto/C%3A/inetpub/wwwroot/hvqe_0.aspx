<%-- An example of a dropped file. It holds this comment and does nothing. --%>
