from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("access", "0003_look_at_what_stands")]

    operations = [
        migrations.AddField(
            model_name="awssession",
            name="ends_at",
            field=models.DateTimeField(
                help_text="When its own policy ends it, whatever becomes of the grant. Empty: as the grant.", null=True
            ),
        ),
    ]
