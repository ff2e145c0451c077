from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("access", "0004_session_ends_at")]

    operations = [
        migrations.AddIndex(
            model_name="revocation",
            index=models.Index(
                condition=models.Q(("applied_at__isnull", False)), fields=["-applied_at"], name="revocation_applied"
            ),
        ),
    ]
