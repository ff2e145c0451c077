import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    r"""Print the completion for bash, zsh or fish.

    \b
    bash: eval "$(sallyport completion bash)" in ~/.bashrc
    zsh:  eval "$(sallyport completion zsh)" in ~/.zshrc, after compinit
    fish: sallyport completion fish > ~/.config/fish/completions/sallyport.fish
    """
    found = get_completion_class(shell)
    root = ctx.find_root().command
    if found is not None:
        click.echo(found(root, {}, "sallyport", "_SALLYPORT_COMPLETE").source())
