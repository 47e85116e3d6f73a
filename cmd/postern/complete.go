package main

import "github.com/spf13/cobra"

// complete lets a shell offer the values of an option. cobra's own completion
// command writes the scripts for bash, zsh, fish and PowerShell.
func complete(cmd *cobra.Command, option string, values []string) {
	if err := cmd.RegisterFlagCompletionFunc(option, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		cmd.Long += "\n(" + err.Error() + ")" // only if the option is renamed
	}
}
